using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1024_DataRequiresGrad,
    ModelGen.CodeFixes.Rules.Memory.MG1024_DataRequiresGradFix>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1024_DataRequiresGradTests
{
    [Fact]
    public Task Reports_InputAndTarget() => Rule.Verify("""
        class C
        {
            void M(Linear model, torch.optim.Optimizer optimizer)
            {
                var x = torch.randn(8, 4, [|requires_grad: true|]);
                var y = torch.randn(8, 1, [|requires_grad: true|]);
                functional.mse_loss(model.forward(x), y).backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task Reports_InputInALoop() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, float[] data)
            {
                var x = torch.tensor(data, [|requires_grad: true|]);
                for (int i = 0; i < 100; i++)
                {
                    model.call(x).mean().backward();
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task Reports_TensorMadeInTheLoop() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer)
            {
                while (true)
                {
                    using var noise = torch.rand(8, 4, [|requires_grad: true|]);
                    model.forward(noise).mean().backward();
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_TensorWhoseGradientIsRead() => Rule.Verify("""
        class C
        {
            Tensor M(Linear model, torch.optim.Optimizer optimizer)
            {
                var x = torch.randn(8, 4, requires_grad: true);
                model.forward(x).mean().backward();
                optimizer.step();
                return x.grad;
            }
        }
        """);

    [Fact]
    public Task Ignores_TensorThatIsTrained() => Rule.Verify("""
        class C
        {
            void M(Linear model)
            {
                var x = torch.randn(8, 4, requires_grad: true);
                var optimizer = torch.optim.SGD(new[] { new Parameter(x) }, 0.1);
                model.forward(x).mean().backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task Ignores_PenaltiesAndFunctionsThatDoNotTrain() => Rule.Verify("""
        class C
        {
            void M(Linear model, torch.optim.Optimizer optimizer)
            {
                var x = torch.randn(8, 4, requires_grad: true);
                var y = model.forward(x);
                torch.autograd.grad([y], [x]);
                y.mean().backward();
                optimizer.step();
            }
            Tensor N(Linear model)
            {
                var x = torch.randn(8, 4, requires_grad: true);
                return model.forward(x);
            }
        }
        """);

    [Fact]
    public Task Fixes_ByRemovingTheArgument() => Rule.VerifyFix(
        """
        class C
        {
            void M(Linear model, torch.optim.Optimizer optimizer)
            {
                var x = torch.randn(8, 4, [|requires_grad: true|]);
                model.forward(x).mean().backward();
                optimizer.step();
            }
        }
        """,
        """
        class C
        {
            void M(Linear model, torch.optim.Optimizer optimizer)
            {
                var x = torch.randn(8, 4);
                model.forward(x).mean().backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task FixesAll_InputAndTarget() => Rule.VerifyFix(
        """
        class C
        {
            void M(Linear model, torch.optim.Optimizer optimizer)
            {
                var x = torch.randn(8, 4, [|requires_grad: true|]);
                var y = torch.randn(8, 1, dtype: ScalarType.Float32, [|requires_grad: true|]);
                functional.mse_loss(model.forward(x), y).backward();
                optimizer.step();
            }
        }
        """,
        """
        class C
        {
            void M(Linear model, torch.optim.Optimizer optimizer)
            {
                var x = torch.randn(8, 4);
                var y = torch.randn(8, 1, dtype: ScalarType.Float32);
                functional.mse_loss(model.forward(x), y).backward();
                optimizer.step();
            }
        }
        """);
}
