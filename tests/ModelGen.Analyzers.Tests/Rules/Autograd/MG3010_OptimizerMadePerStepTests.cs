using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Autograd.MG3010_OptimizerMadePerStep,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Autograd;

public sealed class MG3010_OptimizerMadePerStepTests
{
    [Fact]
    public Task Reports_Adam() => Rule.Verify("class C { void M(Linear m, List<Tensor> data) { foreach (var x in data) { var o = [|torch.optim.Adam(m.parameters())|]; m.zero_grad(); m.forward(x).sum().backward(); o.step(); } } }");

    [Fact]
    public Task Reports_AnAssignmentAndAConstructor() => Rule.Verify("class C { private torch.optim.Optimizer _o; void M(Linear m, Tensor x) { for (;;) { _o = [|new AdamW(m.parameters())|]; m.zero_grad(); m.forward(x).sum().backward(); _o.step(); } } }");

    [Fact]
    public Task Reports_MomentumAndUsing() => Rule.Verify("class C { void M(Linear m, Tensor x) { while (true) { using var o = [|torch.optim.SGD(m.parameters(), 0.1, momentum: 0.9)|]; m.forward(x).sum().backward(); o.step(); o.zero_grad(); } } }");

    [Fact]
    public Task Ignores_AnOptimizerPerEpoch() => Rule.Verify("class C { void M(Linear m, List<Tensor> data) { for (int e = 0; e < 3; e++) { var o = torch.optim.Adam(m.parameters()); foreach (var x in data) { o.zero_grad(); m.forward(x).sum().backward(); o.step(); } } } }");

    [Fact]
    public Task Ignores_NewModels() => Rule.Verify("class C { void M(Tensor x) { for (int run = 0; run < 3; run++) { var m = Linear(2, 2); var o = torch.optim.Adam(m.parameters()); m.forward(x).sum().backward(); o.step(); } } }");

    [Fact]
    public Task Ignores_PlainSgdAndConditions() => Rule.Verify("class C { void M(Linear m, Tensor x) { torch.optim.Optimizer a = null; for (int i = 0; ; i++) { if (i == 0) { a = torch.optim.Adam(m.parameters()); } var o = torch.optim.SGD(m.parameters(), 0.1); m.forward(x).sum().backward(); o.step(); a.step(); } } }");
}
