using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1022_OptimizerNotDisposed,
    ModelGen.CodeFixes.Rules.Memory.MG1022_OptimizerNotDisposedFix>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1022_OptimizerNotDisposedTests
{
    [Fact]
    public Task Reports_Local() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model)
            {
                var optimizer = [|torch.optim.Adam(model.parameters())|];
                optimizer.zero_grad();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task Reports_OnePerTurn() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model)
            {
                for (int i = 0; i < 100; i++)
                {
                    var optimizer = [|torch.optim.AdamW(model.parameters(), 1e-3)|];
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task Reports_Assignment() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model)
            {
                torch.optim.Optimizer optimizer;
                optimizer = [|torch.optim.RMSProp(model.parameters())|];
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task Ignores_UsingAndDispose() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model)
            {
                using var optimizer = torch.optim.Adam(model.parameters());
                var other = torch.optim.Adam(model.parameters());
                other.Dispose();
            }
        }
        """);

    [Fact]
    public Task Ignores_HandedOn() => Rule.Verify("""
        class C
        {
            private torch.optim.Optimizer _kept;
            torch.optim.Optimizer M(Module<Tensor, Tensor> model)
            {
                _kept = torch.optim.Adam(model.parameters());
                var scheduled = torch.optim.Adam(model.parameters());
                var scheduler = torch.optim.lr_scheduler.StepLR(scheduled, 10);
                return torch.optim.Adam(model.parameters());
            }
        }
        """);

    [Fact]
    public Task Ignores_PlainGradientDescent() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model)
            {
                var optimizer = torch.optim.SGD(model.parameters(), 0.1);
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task Fixes_WithUsing() => Rule.VerifyFix(
        """
        class C
        {
            void M(Module<Tensor, Tensor> model)
            {
                var optimizer = [|torch.optim.Adam(model.parameters())|];
                optimizer.step();
            }
        }
        """,
        """
        class C
        {
            void M(Module<Tensor, Tensor> model)
            {
                using var optimizer = torch.optim.Adam(model.parameters());
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task FixesAll_TwoLocals() => Rule.VerifyFix(
        """
        class C
        {
            void M(Module<Tensor, Tensor> model)
            {
                var first = [|torch.optim.Adam(model.parameters())|];
                var second = [|torch.optim.Adagrad(model.parameters())|];
                first.step();
                second.step();
            }
        }
        """,
        """
        class C
        {
            void M(Module<Tensor, Tensor> model)
            {
                using var first = torch.optim.Adam(model.parameters());
                using var second = torch.optim.Adagrad(model.parameters());
                first.step();
                second.step();
            }
        }
        """);
}
