using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Autograd.MG3014_LeafReplacedByUpdate,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Autograd;

public sealed class MG3014_LeafReplacedByUpdateTests
{
    [Fact]
    public Task Reports_AnAssignment() => Rule.Verify("class C { void M(Tensor w) { for (int i = 0; i < 9; i++) { (w * w).sum().backward(); [|w = w - 0.1 * w.grad|]; } } }");

    [Fact]
    public Task Reports_ACompoundAssignment() => Rule.Verify("class C { void M() { var w = torch.randn(3, requires_grad: true); while (true) { (w * w).sum().backward(); using (torch.no_grad()) { [|w -= 0.1 * w.grad|]; } } } }");

    [Fact]
    public Task Reports_AMethod() => Rule.Verify("class C { private Tensor _w; void M() { for (;;) { (_w * _w).sum().backward(); [|_w = _w.sub(_w.grad * 0.1)|]; } } }");

    [Fact]
    public Task Ignores_InPlaceUpdates() => Rule.Verify("class C { void M(Tensor w) { for (;;) { (w * w).sum().backward(); using (torch.no_grad()) { w.sub_(0.1 * w.grad); w.grad.zero_(); } } } }");

    [Fact]
    public Task Ignores_LeavesThatAreMadeAgain() => Rule.Verify("""
        class C
        {
            void A(Tensor w) { for (;;) { (w * w).sum().backward(); w = (w - 0.1 * w.grad).detach().requires_grad_(); } }
            void B(Tensor w) { for (;;) { (w * w).sum().backward(); using (torch.no_grad()) { w = w - 0.1 * w.grad; } w.requires_grad = true; } }
            void D(Tensor w) { for (;;) { (w * w).sum().backward(); w = w - 0.1 * w.grad; w = w.detach().requires_grad_(); } }
        }
        """);

    [Fact]
    public Task Ignores_OtherVariablesAndSingleSteps() => Rule.Verify("class C { void M(Tensor w, Tensor total) { (w * w).sum().backward(); w = w - 0.1 * w.grad; for (;;) { (w * w).sum().backward(); total = total + w.grad; } } }");
}
