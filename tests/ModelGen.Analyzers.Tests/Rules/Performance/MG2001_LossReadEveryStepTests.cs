using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2001_LossReadEveryStep,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2001_LossReadEveryStepTests
{
    [Fact]
    public Task Reports_ItemOfTheLoss() => Rule.Verify("""
        class C
        {
            double M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                model.to(torch.CUDA);
                double total = 0;
                foreach (var batch in loader)
                {
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    optimizer.step();
                    total += [|loss.item<float>()|];
                }

                return total;
            }
        }
        """);

    [Fact]
    public Task Reports_ConversionAndProduct() => Rule.Verify("""
        class C
        {
            private double _total;
            private readonly Device _device = new Device("cuda:0");
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    optimizer.step();
                    _total += [|(float)loss|] * 32;
                }
            }
        }
        """);

    [Fact]
    public Task Reports_TwoSums() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                var device = torch.cuda.is_available() ? torch.CUDA : torch.CPU;
                double total = 0;
                long correct = 0;
                foreach (var batch in loader)
                {
                    var output = model.forward(batch["x"]);
                    var loss = functional.mse_loss(output, batch["y"]);
                    loss.backward();
                    optimizer.step();
                    total += [|loss.ToDouble()|];
                    correct += [|output.argmax(1).eq(batch["y"]).sum().item<long>()|];
                }

                Console.WriteLine($"{total} {correct}");
            }
        }
        """);

    [Fact]
    public Task Ignores_ProgramsForTheCpu() => Rule.Verify("""
        class C
        {
            double M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                double total = 0;
                foreach (var batch in loader)
                {
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    optimizer.step();
                    total += loss.item<float>();
                }

                return total;
            }
        }
        """);

    [Fact]
    public Task Ignores_EveryFewSteps() => Rule.Verify("""
        class C
        {
            double M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                model.cuda();
                double total = 0;
                int step = 0;
                foreach (var batch in loader)
                {
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    optimizer.step();
                    if (++step % 100 != 0) { continue; }
                    total += loss.item<float>();
                }

                return total;
            }
        }
        """);

    [Fact]
    public Task Ignores_NumbersThatAreLoggedOrClipped() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                model.cuda();
                double total = 0;
                double other = 0;
                foreach (var batch in loader)
                {
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    optimizer.step();
                    total += loss.item<float>();
                    Console.WriteLine(total);
                }
                foreach (var batch in loader)
                {
                    var loss = functional.mse_loss(model.forward(batch["x"]), batch["y"]);
                    loss.backward();
                    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0);
                    optimizer.step();
                    other += loss.item<float>();
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_Evaluation() => Rule.Verify("""
        class C
        {
            double M(Module<Tensor, Tensor> model, DataLoader loader)
            {
                model.cuda();
                double total = 0;
                foreach (var batch in loader) { total += model.forward(batch["x"]).mean().item<float>(); }
                return total;
            }
        }
        """);
}
