using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5002_ExpMinusOne,
    ModelGen.CodeFixes.Rules.Numerics.MG5002_ExpMinusOneFix>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5002_ExpMinusOneTests
{
    [Fact]
    public Task Reports_Operators() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x) => [|torch.exp(x) - 1|];
            Tensor B(Tensor x) => [|x.exp() - 1.0|];
        }
        """);

    [Fact]
    public Task Reports_TheMethodSub() => Rule.Verify("class C { Tensor M(Tensor x) => [|x.exp().sub(1)|] / x; }");

    [Fact]
    public Task Reports_TheFunctionSub() => Rule.Verify("class C { Tensor M(Tensor x) => [|torch.sub(torch.exp(x), 1f)|]; }");

    [Fact]
    public Task Ignores_OtherDifferences() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x) => x.exp() - 2;
            Tensor B(Tensor x) => 1 - x.exp();
            Tensor D(Tensor x) => x - 1;
            Tensor E(Tensor x, Tensor y) => x.exp() - y;
        }
        """);

    [Fact]
    public Task Ignores_ExpInAVariable() => Rule.Verify("class C { Tensor M(Tensor x) { var e = x.exp(); return (e - 1) / e; } }");

    [Fact]
    public Task Ignores_Numbers() => Rule.Verify("class C { double M(double x) => Math.Exp(x) - 1; }");

    [Fact]
    public Task Fixes_ByExpm1() => Rule.VerifyFix(
        "class C { Tensor M(Tensor x) => [|torch.exp(-x) - 1|]; }",
        "class C { Tensor M(Tensor x) => (-x).expm1(); }");

    [Fact]
    public Task FixesAll_Differences() => Rule.VerifyFix(
        "class C { Tensor A(Tensor x) => ([|x.exp() - 1|]) * 2; Tensor B(Tensor x) => [|x.exp().sub(1)|]; }",
        "class C { Tensor A(Tensor x) => (x.expm1()) * 2; Tensor B(Tensor x) => x.expm1(); }");
}
