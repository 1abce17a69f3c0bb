using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Autograd.MG3011_OptimizerNeverSteps,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Autograd;

public sealed class MG3011_OptimizerNeverStepsTests
{
    [Fact]
    public Task Reports_AForgottenStep() => Rule.Verify("class C { void M(Linear m, List<Tensor> data) { var o = [|torch.optim.Adam(m.parameters())|]; foreach (var x in data) { o.zero_grad(); m.forward(x).sum().backward(); } } }");

    [Fact]
    public Task Reports_AScheduleThatSteps() => Rule.Verify("class C { void M(Linear m, Tensor x) { var o = [|torch.optim.SGD(m.parameters(), 0.1)|]; var s = torch.optim.lr_scheduler.StepLR(o, 1); for (;;) { m.forward(x).sum().backward(); s.step(); } } }");

    [Fact]
    public Task Reports_AConstructor() => Rule.Verify("class C { void M(Linear m, Tensor x) { using var o = [|new AdamW(m.parameters())|]; m.forward(x).sum().backward(); } }");

    [Fact]
    public Task Ignores_OptimizersThatStep() => Rule.Verify("class C { void M(Linear m, Tensor x) { var o = torch.optim.Adam(m.parameters()); m.forward(x).sum().backward(); o.step(); } }");

    [Fact]
    public Task Ignores_OptimizersThatArePassedOn() => Rule.Verify("""
        class C
        {
            private torch.optim.Optimizer _o;
            static void Step(torch.optim.Optimizer o) => o.step();
            void A(Linear m, Tensor x) { var o = torch.optim.Adam(m.parameters()); m.forward(x).sum().backward(); Step(o); }
            void B(Linear m, Tensor x) { var o = torch.optim.Adam(m.parameters()); m.forward(x).sum().backward(); _o = o; }
            void D(Linear m, Tensor x) { var o = torch.optim.Adam(m.parameters()); m.forward(x).sum().backward(); Action step = () => o.step(); step(); }
            object E(Linear m, Tensor x) { var o = torch.optim.Adam(m.parameters()); m.forward(x).sum().backward(); return o; }
        }
        """);

    [Fact]
    public Task Ignores_MethodsWithoutABackwardPass() => Rule.Verify("class C { void M(Linear m) { var o = torch.optim.Adam(m.parameters()); o.zero_grad(); } }");
}
