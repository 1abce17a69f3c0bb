using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5014_ActivationByHand,
    ModelGen.CodeFixes.Rules.Numerics.MG5014_ActivationByHandFix>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5014_ActivationByHandTests
{
    [Fact]
    public Task Reports_Sigmoid() => Rule.Verify("class C { Tensor A(Tensor x) => [|1 / (1 + torch.exp(-x))|]; Tensor B(Tensor x) => [|1.0 / (x.neg().exp() + 1)|]; }");

    [Fact]
    public Task Reports_Softplus() => Rule.Verify("class C { Tensor M(Tensor x) => [|torch.log(1 + torch.exp(x))|]; }");

    [Fact]
    public Task Reports_SoftplusByLog1p() => Rule.Verify("class C { Tensor M(Tensor x) => [|x.exp().log1p()|]; }");

    [Fact]
    public Task Ignores_OtherQuotients() => Rule.Verify("class C { Tensor M(Tensor x) => 1 / (1 + x) + 2 / (1 + (-x).exp()) + 1 / (1 + x.exp()) + x / (1 + (-x).exp()); }");

    [Fact]
    public Task Ignores_StableForms() => Rule.Verify("class C { Tensor M(Tensor x) => x.clamp_min(0) + torch.log1p(torch.exp(-x.abs())) + (1 + (-x).exp()).log(); }");

    [Fact]
    public Task Ignores_Numbers() => Rule.Verify("class C { double M(double x) => 1 / (1 + Math.Exp(-x)); }");

    [Fact]
    public Task Fixes_BySigmoid() => Rule.VerifyFix(
        "class C { Tensor M(Tensor x) => [|1 / (1 + torch.exp(-x))|]; }",
        "class C { Tensor M(Tensor x) => x.sigmoid(); }");

    [Fact]
    public Task FixesAll_Formulas() => Rule.VerifyFix(
        "class C { Tensor A(Tensor x) => [|1 / (1 + (-(x * 2)).exp())|]; Tensor B(Tensor x) => [|(1 + x.exp()).log()|]; }",
        "class C { Tensor A(Tensor x) => (x * 2).sigmoid(); Tensor B(Tensor x) => functional.softplus(x); }");
}
