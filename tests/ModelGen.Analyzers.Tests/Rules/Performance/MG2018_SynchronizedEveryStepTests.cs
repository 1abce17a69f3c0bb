using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2018_SynchronizedEveryStep,
    ModelGen.CodeFixes.Rules.Performance.MG2018_SynchronizedEveryStepFix>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2018_SynchronizedEveryStepTests
{
    [Fact]
    public Task Reports_EveryStep() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    model.forward(batch["x"]).mean().backward();
                    optimizer.step();
                    [|torch.cuda.synchronize()|];
                }
            }
        }
        """);

    [Fact]
    public Task Reports_BeforeTheStep() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, Tensor x)
            {
                while (true)
                {
                    [|cuda.synchronize()|];
                    model.forward(x).mean().backward();
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task Reports_WithADevice() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader, Device device)
            {
                foreach (var batch in loader)
                {
                    model.forward(batch["x"]).mean().backward();
                    optimizer.step();
                    [|torch.cuda.synchronize(device)|];
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_Timing() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                var watch = System.Diagnostics.Stopwatch.StartNew();
                foreach (var batch in loader)
                {
                    model.forward(batch["x"]).mean().backward();
                    optimizer.step();
                    torch.cuda.synchronize();
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_NowAndThen() => Rule.Verify("""
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                int step = 0;
                foreach (var batch in loader)
                {
                    model.forward(batch["x"]).mean().backward();
                    optimizer.step();
                    if (step++ % 10 == 0) { torch.cuda.synchronize(); }
                }

                torch.cuda.synchronize();
            }
        }
        """);

    [Fact]
    public Task Ignores_OtherLoops() => Rule.Verify("""
        class C
        {
            void M(List<Tensor> all) { foreach (var x in all) { x.exp(); torch.cuda.synchronize(); } }
        }
        """);

    [Fact]
    public Task Fixes_ByRemovingTheCall() => Rule.VerifyFix(
        """
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    model.forward(batch["x"]).mean().backward();
                    [|torch.cuda.synchronize()|];
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
                    model.forward(batch["x"]).mean().backward();
                    optimizer.step();
                }
            }
        }
        """);

    [Fact]
    public Task FixesAll_TwoCalls() => Rule.VerifyFix(
        """
        class C
        {
            void M(Module<Tensor, Tensor> model, torch.optim.Optimizer optimizer, DataLoader loader)
            {
                foreach (var batch in loader)
                {
                    model.forward(batch["x"]).mean().backward();
                    [|torch.cuda.synchronize()|];
                    optimizer.step();
                    [|torch.cuda.synchronize()|];
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
                    model.forward(batch["x"]).mean().backward();
                    optimizer.step();
                }
            }
        }
        """);
}
