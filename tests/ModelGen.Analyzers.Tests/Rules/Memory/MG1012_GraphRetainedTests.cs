using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1012_GraphRetained,
    ModelGen.CodeFixes.Rules.Memory.MG1012_GraphRetainedFix>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1012_GraphRetainedTests
{
    [Fact]
    public Task Reports_LoopOverALoader() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    [|loss.backward(retain_graph: true)|];
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task Reports_FixedDataMadeByAFactory() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer)
            {
                var x = torch.randn(8, 4);
                var y = torch.zeros(8, 1);
                for (int i = 0; i < 1000; i++)
                {
                    optimizer.zero_grad();
                    var loss = functional.mse_loss(model.forward(x), y);
                    [|loss.backward(null, true)|];
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task Reports_LossInAChain() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    optimizer.zero_grad();
                    [|model.forward(batch["x"]).mean().backward(retain_graph: true)|];
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_TwoBackwardPasses() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    var y = model.forward(batch["x"]);
                    y.mean().backward(retain_graph: true);
                    y.std().backward();
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_TensorFromOutside() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> encoder, Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, Tensor x, DataLoader loader)
            {
                var code = encoder.forward(x);
                foreach (var batch in loader)
                {
                    var loss = functional.mse_loss(model.forward(code), batch["y"]);
                    loss.backward(retain_graph: true);
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_StateCarriedOver() => Rule.Verify("""
        class C
        {
            void M(GRUCell cell, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                Tensor h = torch.zeros(1, 8);
                foreach (var batch in loader)
                {
                    h = cell.forward(batch["x"], h);
                    var loss = h.mean();
                    loss.backward(retain_graph: true);
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_OutsideALoop() => Rule.Verify("""
        class C
        {
            void M(Tensor loss, torch.optim.Optimizer optimizer)
            {
                loss.backward(retain_graph: true);
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task Fixes_ByRemovingTheArgument() => Rule.VerifyFix(
        """
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    var loss = model.forward(batch["x"]).mean();
                    [|loss.backward(retain_graph: true)|];
                    optimizer.step();
                }
            }
        }
        """,
        """
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    var loss = model.forward(batch["x"]).mean();
                    loss.backward();
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task FixesAll_TwoMethods() => Rule.VerifyFix(
        """
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    var loss = model.forward(batch["x"]).mean();
                    [|loss.backward(retain_graph: true)|];
                    optimizer.step();
                }
            }
            void N(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    var loss = model.forward(batch["x"]).mean();
                    [|loss.backward(null, true)|];
                    optimizer.step();
                }
            }
        }
        """,
        """
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    var loss = model.forward(batch["x"]).mean();
                    loss.backward();
                    optimizer.step();
                }
            }
            void N(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    var loss = model.forward(batch["x"]).mean();
                    loss.backward(null);
                    optimizer.step();
                }
            }
        }
        """);
}
