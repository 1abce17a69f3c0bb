using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Autograd.MG3007_SchedulerBeforeOptimizer,
    ModelGen.CodeFixes.Rules.Autograd.MG3007_SchedulerBeforeOptimizerFix>;

namespace ModelGen.Analyzers.Tests.Rules.Autograd;

public sealed class MG3007_SchedulerBeforeOptimizerTests
{
    private static string Loop(string body) => $$"""
        class C
        {
            void M(Linear m, SGD o, torch.optim.lr_scheduler.LRScheduler s, List<Tensor> data, Tensor x)
            {
                for (int epoch = 0; epoch < 3; epoch++)
                {
                    {{body}}
                }
            }
        }
        """;

    [Fact]
    public Task Reports_InTheLoopOfSteps() => Rule.Verify(Loop("o.zero_grad(); m.forward(x).sum().backward(); [|s.step()|]; o.step();"));

    [Fact]
    public Task Reports_BeforeTheLoopOfBatches() => Rule.Verify(Loop("[|s.step()|]; foreach (var b in data) { o.zero_grad(); m.forward(b).sum().backward(); o.step(); }"));

    [Fact]
    public Task Reports_AFactorysResult() => Rule.Verify("""
        class C
        {
            void M(Linear m, Tensor x)
            {
                var o = torch.optim.SGD(m.parameters(), 0.1);
                var s = torch.optim.lr_scheduler.StepLR(o, 1);
                while (true) { [|s.step()|]; m.forward(x).sum().backward(); o.step(); m.zero_grad(); }
            }
        }
        """);

    [Fact]
    public Task Ignores_TheRightOrder() => Rule.Verify(Loop("foreach (var b in data) { o.zero_grad(); m.forward(b).sum().backward(); o.step(); } s.step();"));

    [Fact]
    public Task Ignores_StepsUnderAConditionOrWithAMetric() => Rule.Verify(Loop("if (epoch > 0) { s.step(); } m.forward(x).sum().backward(); o.step(); ") + "class D { void M(SGD o, ReduceLR s) { for (;;) { s.step(0.5); o.step(); } } } class ReduceLR { public void step(double d) { } }");

    [Fact]
    public Task Ignores_SeveralOfEither() => Rule.Verify(Loop("o.step(); s.step(); o.step();"));

    [Fact]
    public Task Fixes_ByMovingTheStatement() => Rule.VerifyFix(
        """
        class C
        {
            void M(SGD o, torch.optim.lr_scheduler.LRScheduler s, List<Tensor> data)
            {
                while (true)
                {
                    [|s.step()|];
                    foreach (var b in data) { o.step(); }
                    Console.WriteLine();
                }
            }
        }
        """,
        """
        class C
        {
            void M(SGD o, torch.optim.lr_scheduler.LRScheduler s, List<Tensor> data)
            {
                while (true)
                {
                    foreach (var b in data) { o.step(); }
                    s.step();
                    Console.WriteLine();
                }
            }
        }
        """);

    [Fact]
    public Task FixesAll_Loops() => Rule.VerifyFix(
        """
        class C
        {
            void M(SGD o, torch.optim.lr_scheduler.LRScheduler s)
            {
                while (true)
                {
                    [|s.step()|];
                    o.step();
                }
            }

            void N(SGD o, torch.optim.lr_scheduler.LRScheduler s)
            {
                while (true)
                {
                    // next rate
                    [|s.step()|];
                    o.step();
                    o.zero_grad();
                }
            }
        }
        """,
        """
        class C
        {
            void M(SGD o, torch.optim.lr_scheduler.LRScheduler s)
            {
                while (true)
                {
                    o.step();
                    s.step();
                }
            }

            void N(SGD o, torch.optim.lr_scheduler.LRScheduler s)
            {
                while (true)
                {
                    o.step();
                    // next rate
                    s.step();
                    o.zero_grad();
                }
            }
        }
        """);
}
