using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Autograd.MG3012_SchedulerNeverSteps,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Autograd;

public sealed class MG3012_SchedulerNeverStepsTests
{
    private static string Method(string body) => $$"""
        class C
        {
            private torch.optim.lr_scheduler.LRScheduler _s;
            static void Use(torch.optim.lr_scheduler.LRScheduler s) => s.step();
            void M(Linear m, Adam o, Tensor x)
            {
                {{body}}
            }
        }
        """;

    [Fact]
    public Task Reports_AForgottenStep() => Rule.Verify(Method("var s = [|torch.optim.lr_scheduler.StepLR(o, 10)|]; for (;;) { o.zero_grad(); m.forward(x).sum().backward(); o.step(); }"));

    [Fact]
    public Task Reports_AScheduleThatIsOnlyRead() => Rule.Verify(Method("var s = [|torch.optim.lr_scheduler.CosineAnnealingLR(o, 10)|]; while (true) { m.forward(x).sum().backward(); o.step(); Console.WriteLine(s.get_last_lr().First()); }"));

    [Fact]
    public Task Reports_AnotherScheduleThatSteps() => Rule.Verify(Method("var a = torch.optim.lr_scheduler.StepLR(o, 10); var b = [|torch.optim.lr_scheduler.ExponentialLR(o, 0.9)|]; for (;;) { o.step(); a.step(); }"));

    [Fact]
    public Task Ignores_SchedulesThatStep() => Rule.Verify(Method("var s = torch.optim.lr_scheduler.StepLR(o, 10); for (;;) { o.step(); s.step(); }"));

    [Fact]
    public Task Ignores_SchedulesThatArePassedOn() => Rule.Verify(Method("var a = torch.optim.lr_scheduler.StepLR(o, 10); var b = torch.optim.lr_scheduler.StepLR(o, 20); Use(a); _s = b; var c = torch.optim.lr_scheduler.StepLR(o, 30); Action step = () => c.step(); for (;;) { o.step(); step(); }"));

    [Fact]
    public Task Ignores_MethodsWithoutALoop() => Rule.Verify(Method("var s = torch.optim.lr_scheduler.StepLR(o, 10); o.step();"));

    [Fact]
    public Task Reports_AScheduleThatNothingUses() => Rule.Verify("""
        class C
        {
            void M(Linear model, torch.optim.Optimizer optimizer, Tensor x)
            {
                var schedule = [|torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.7)|];
                for (int epoch = 0; epoch < 30; epoch++)
                {
                    Train(model, optimizer, x);
                }
            }

            void Train(Linear model, torch.optim.Optimizer optimizer, Tensor x)
            {
                model.forward(x).mean().backward();
                optimizer.step();
            }
        }
        """);

    [Fact]
    public Task Ignores_AScheduleThatIsHandedOn() => Rule.Verify("""
        class C
        {
            void M(Linear model, torch.optim.Optimizer optimizer, Tensor x)
            {
                var schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.7);
                for (int epoch = 0; epoch < 30; epoch++)
                {
                    Train(model, optimizer, schedule, x);
                }
            }

            void Train(Linear model, torch.optim.Optimizer optimizer, torch.optim.lr_scheduler.LRScheduler schedule, Tensor x)
            {
                model.forward(x).mean().backward();
                optimizer.step();
                schedule.step();
            }
        }
        """);
}
