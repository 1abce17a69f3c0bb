using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Autograd.MG3016_GradientOfNonLeaf,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Autograd;

public sealed class MG3016_GradientOfNonLeafTests
{
    [Fact]
    public Task Reports_AScaledLeaf() => Rule.Verify("class C { void M() { var w = torch.randn(3, requires_grad: true) * 0.01; w.sum().backward(); Console.WriteLine([|w.grad|]); } }");

    [Fact]
    public Task Reports_AnIntermediateResult() => Rule.Verify("class C { Tensor M(Tensor x) { var h = torch.tanh(x); h.pow(2).sum().backward(); return [|h.grad|] * 2; } }");

    [Fact]
    public Task Reports_AReshapedLeaf() => Rule.Verify("class C { void M() { var w = torch.randn(4, requires_grad: true).view(2, 2); w.sum().backward(); var g = [|w.grad|].abs(); } }");

    [Fact]
    public Task Ignores_Leaves() => Rule.Verify("class C { void M(Tensor x) { var w = torch.randn(3, requires_grad: true); (w * x).sum().backward(); Console.WriteLine(w.grad); Console.WriteLine(x.grad); var v = (w * 2).detach().requires_grad_(); v.sum().backward(); Console.WriteLine(v.grad); } }");

    [Fact]
    public Task Ignores_RetainedGradients() => Rule.Verify("class C { void M(Tensor x) { var h = x * 2; h.retain_grad(); h.sum().backward(); Console.WriteLine(h.grad); } }");

    [Fact]
    public Task Ignores_TensorsMadeLeavesLater() => Rule.Verify("class C { void M(Tensor x) { var a = x * 2; a.requires_grad = true; a.sum().backward(); Console.WriteLine(a.grad); var b = x.clone(); b.requires_grad_(); b.sum().backward(); Console.WriteLine(b.grad); } }");

    [Fact]
    public Task Ignores_GradientsThatAreSet() => Rule.Verify("class C { void M(Tensor x) { var a = x * 2; a.grad = x; a.sum().backward(); } }");
}
