using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5013_ComparedWithNaN,
    ModelGen.CodeFixes.Rules.Numerics.MG5013_ComparedWithNaNFix>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5013_ComparedWithNaNTests
{
    [Fact]
    public Task Reports_Equality() => Rule.Verify("class C { Tensor M(Tensor x) => ([|x == float.NaN|]).any(); }");

    [Fact]
    public Task Reports_InequalityOnEitherSide() => Rule.Verify("class C { Tensor M(Tensor x) => ([|x != double.NaN|]) & ([|float.NaN != x|]); }");

    [Fact]
    public Task Reports_Methods() => Rule.Verify("class C { Tensor M(Tensor x) => [|x.eq(float.NaN)|].sum() + [|torch.ne(x, double.NaN)|].sum(); }");

    [Fact]
    public Task Ignores_OtherConstants() => Rule.Verify("class C { Tensor M(Tensor x) => (x == float.PositiveInfinity) & (x != 0) & (x == float.Epsilon); }");

    [Fact]
    public Task Ignores_Isnan() => Rule.Verify("class C { Tensor M(Tensor x) => x.isnan(); }");

    [Fact]
    public Task Ignores_OtherArithmetic() => Rule.Verify("class C { Tensor M(Tensor x) => x * float.NaN + torch.full(3, float.NaN); }");

    [Fact]
    public Task Fixes_Equality() => Rule.VerifyFix(
        "class C { Tensor M(Tensor x) => ([|x * 2 == float.NaN|]).any(); }",
        "class C { Tensor M(Tensor x) => ((x * 2).isnan()).any(); }");

    [Fact]
    public Task FixesAll_Comparisons() => Rule.VerifyFix(
        "class C { Tensor A(Tensor x) => [|x.eq(float.NaN)|]; Tensor B(Tensor x) => [|x != double.NaN|]; }",
        "class C { Tensor A(Tensor x) => x.isnan(); Tensor B(Tensor x) => x.isnan().logical_not(); }");
}
