using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5001_LogOfOnePlus,
    ModelGen.CodeFixes.Rules.Numerics.MG5001_LogOfOnePlusFix>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5001_LogOfOnePlusTests
{
    [Fact]
    public Task Reports_EverySpelling() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x) => [|torch.log(1 + x)|];
            Tensor B(Tensor x) => [|(x + 1.0).log()|];
            Tensor D(Tensor x) => [|x.add(1).log()|];
        }
        """);

    [Fact]
    public Task Reports_InsideAnExpression() => Rule.Verify("""
        class C { Tensor M(Tensor x, Tensor y) => ([|(1f + x * y).log()|] * 2).sum(); }
        """);

    [Fact]
    public Task Reports_ThroughAStaticUsing() => Rule.Verify("""
        class C { Tensor M(Tensor x) => [|log(1 + x)|]; }
        """);

    [Fact]
    public Task Ignores_OtherSums() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x) => torch.log(2 + x);
            Tensor B(Tensor x, Tensor one) => (x + one).log();
            Tensor D(Tensor x) => (1 - x).log();
            Tensor E(Tensor x) => (x * 1).log();
        }
        """);

    [Fact]
    public Task Ignores_Softplus() => Rule.Verify("class C { Tensor M(Tensor x) => (1 + x.exp()).log(); }");

    [Fact]
    public Task Ignores_OtherLogarithmsAndOtherCode() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x) => (1 + x).log2();
            double B(double x) => Math.Log(1 + x);
            Tensor D(Tensor x, Func<Tensor, Tensor> log) => log(1 + x);
        }
        """);

    [Fact]
    public Task Fixes_ByLog1p() => Rule.VerifyFix(
        "class C { Tensor M(Tensor x, Tensor y) => [|(1 + x * y).log()|]; }",
        "class C { Tensor M(Tensor x, Tensor y) => (x * y).log1p(); }");

    [Fact]
    public Task FixesAll_Spellings() => Rule.VerifyFix(
        "class C { Tensor A(Tensor x) => [|torch.log(1 + x)|] + [|(x + 1).log()|]; Tensor B(Tensor x) => [|torch.log(torch.add(x, 1))|]; }",
        "class C { Tensor A(Tensor x) => x.log1p() + x.log1p(); Tensor B(Tensor x) => x.log1p(); }");
}
