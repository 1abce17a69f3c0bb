using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Autograd.MG3013_LeafChangedInPlace,
    ModelGen.CodeFixes.Rules.Autograd.MG3013_LeafChangedInPlaceFix>;

namespace ModelGen.Analyzers.Tests.Rules.Autograd;

public sealed class MG3013_LeafChangedInPlaceTests
{
    [Fact]
    public Task Reports_AnUpdateByHand() => Rule.Verify("class C { void M() { var w = torch.randn(3, requires_grad: true); (w * w).sum().backward(); [|w.sub_(0.1 * w.grad)|]; } }");

    [Fact]
    public Task Reports_InitializationByHand() => Rule.Verify("class Net : Module<Tensor, Tensor> { private readonly Parameter w; Net() : base(\"n\") { w = Parameter(torch.empty(3)); [|w.normal_()|]; RegisterComponents(); } public override Tensor forward(Tensor x) => x * w; }");

    [Fact]
    public Task Reports_AParameterLocal() => Rule.Verify("class C { Parameter M() { var p = new Parameter(torch.zeros(3)); [|p.fill_(1)|]; return p; } }");

    [Fact]
    public Task Ignores_NoGrad() => Rule.Verify("class C { void M() { var w = torch.randn(3, requires_grad: true); (w * w).sum().backward(); using (torch.no_grad()) { w.sub_(0.1 * w.grad); w.grad.zero_(); } } }");

    [Fact]
    public Task Ignores_TensorsWithoutGradients() => Rule.Verify("class C { void M(Tensor x) { var w = torch.randn(3); w.add_(1); x.add_(1); var p = new Parameter(torch.zeros(3), requires_grad: false); p.add_(1); var q = torch.zeros(3, requires_grad: true); q.detach().add_(1); } }");

    [Fact]
    public Task Ignores_ChangedFlagsAndVariables() => Rule.Verify("class C { void M() { var w = torch.randn(3, requires_grad: true); w.requires_grad = false; w.add_(1); var v = torch.randn(3, requires_grad: true); v = v * 2; v.add_(1); var u = torch.randn(3, requires_grad: true); u.requires_grad_(false); u.add_(1); } }");

    [Fact]
    public Task Fixes_ByNoGrad() => Rule.VerifyFix(
        "class C { void M() { var w = torch.randn(3, requires_grad: true); (w * w).sum().backward(); [|w.sub_(0.1 * w.grad)|]; } }",
        "class C { void M() { var w = torch.randn(3, requires_grad: true); (w * w).sum().backward(); using (no_grad()) { w.sub_(0.1 * w.grad); } } }".Replace("using (no_grad())", "using (torch.no_grad())"));

    [Fact]
    public Task FixesAll_Updates() => Rule.VerifyFix(
        "class C { void M() { var w = torch.randn(3, requires_grad: true); [|w.add_(1)|]; } void N() { var p = Parameter(torch.zeros(3)); [|p.normal_()|]; } }",
        "class C { void M() { var w = torch.randn(3, requires_grad: true); using (torch.no_grad()) { w.add_(1); } } void N() { var p = Parameter(torch.zeros(3)); using (torch.no_grad()) { p.normal_(); } } }");
}
