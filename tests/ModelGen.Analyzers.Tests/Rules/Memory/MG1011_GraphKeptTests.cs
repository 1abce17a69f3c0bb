using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1011_GraphKept,
    ModelGen.CodeFixes.Rules.Memory.MG1011_GraphKeptFix>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1011_GraphKeptTests
{
    [Fact]
    public Task Reports_Sum() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                Tensor total = torch.zeros(1);
                foreach (var batch in loader)
                {
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    optimizer.step();
                    total += [|loss|];
                }

                Console.WriteLine(total.item<float>());
            }
        }
        """);

    [Fact]
    public Task Reports_List() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                var losses = new List<Tensor>();
                foreach (var batch in loader)
                {
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    optimizer.step();
                    losses.Add([|loss|]);
                }
            }
        }
        """);

    [Fact]
    public Task Reports_SumWrittenOut() => Rule.Verify("""
        class C
        {
            private Tensor _total;
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    optimizer.step();
                    _total = _total + [|loss|];
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_DetachedLossAndNumbers() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                Tensor total = torch.zeros(1);
                double sum = 0;
                foreach (var batch in loader)
                {
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    optimizer.step();
                    total += loss.detach();
                    sum += loss.item<float>();
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_SumThatIsTrainedOn() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                Tensor total = torch.zeros(1);
                foreach (var batch in loader)
                {
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward(retain_graph: true);
                    total += loss;
                }

                total.backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task Ignores_ListThatIsTrainedOn() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                var losses = new List<Tensor>();
                foreach (var batch in loader)
                {
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward(retain_graph: true);
                    losses.Add(loss);
                }

                torch.stack(losses).mean().backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task Ignores_SumWithinTheTurn() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    var parts = new List<Tensor>();
                    Tensor all = torch.zeros(1);
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    parts.Add(loss);
                    all += loss;
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task Fixes_ByDetaching() => Rule.VerifyFix(
        """
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                Tensor total = torch.zeros(1);
                foreach (var batch in loader)
                {
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    optimizer.step();
                    total += [|loss|];
                }
            }
        }
        """,
        """
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                Tensor total = torch.zeros(1);
                foreach (var batch in loader)
                {
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    optimizer.step();
                    total += loss.detach();
                }
            }
        }
        """);

    [Fact]
    public Task FixesAll_SumAndList() => Rule.VerifyFix(
        """
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader, List<Tensor> losses)
            {
                Tensor total = torch.zeros(1);
                foreach (var batch in loader)
                {
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    optimizer.step();
                    total += [|loss|];
                    losses.Add([|loss|]);
                }
            }
        }
        """,
        """
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader, List<Tensor> losses)
            {
                Tensor total = torch.zeros(1);
                foreach (var batch in loader)
                {
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    optimizer.step();
                    total += loss.detach();
                    losses.Add(loss.detach());
                }
            }
        }
        """);
}
