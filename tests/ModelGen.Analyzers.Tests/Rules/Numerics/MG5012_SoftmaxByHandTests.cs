using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5012_SoftmaxByHand,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5012_SoftmaxByHandTests
{
    [Fact]
    public Task Reports_ALocalOfExponentials() => Rule.Verify("class C { Tensor M(Tensor x) { var e = x.exp(); return [|e / e.sum(1, true)|]; } }");

    [Fact]
    public Task Reports_TheSameExpressionTwice() => Rule.Verify("class C { Tensor M(Tensor x) => [|torch.exp(x) / torch.exp(x).sum(1, true)|]; }");

    [Fact]
    public Task Reports_ALocalOfTheSum() => Rule.Verify("class C { Tensor M(Tensor x) { var e = torch.exp(x); var total = torch.sum(e, 1, true); return [|torch.div(e, total)|]; } }");

    [Fact]
    public Task Ignores_ASubtractedMaximum() => Rule.Verify("""
        class C { Tensor M(Tensor x) { var shifted = x - x.max(1, true).values; var e = shifted.exp(); return e / e.sum(1, true); } }
        """);

    [Fact]
    public Task Ignores_DifferentExponentials() => Rule.Verify("class C { Tensor M(Tensor x, Tensor y) { var e = x.exp(); return e / y.exp().sum(1, true); } }");

    [Fact]
    public Task Ignores_OtherQuotients() => Rule.Verify("class C { Tensor M(Tensor x) { var e = x.exp(); return e / e.max() + x / x.sum(); } }");
}
