using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5004_DividedBySquareRoot,
    ModelGen.CodeFixes.Rules.Numerics.MG5004_DividedBySquareRootFix>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5004_DividedBySquareRootTests
{
    [Fact]
    public Task Reports_Quotients() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor a, Tensor b) => [|a / torch.sqrt(b)|];
            Tensor B(Tensor a, Tensor b) => [|a / (b + 1e-5).sqrt()|];
        }
        """);

    [Fact]
    public Task Reports_TheReciprocal() => Rule.Verify("class C { Tensor M(Tensor b) => [|1 / b.sqrt()|]; }");

    [Fact]
    public Task Reports_TheMethodDiv() => Rule.Verify("class C { Tensor M(Tensor a, Tensor b) => [|a.div(b.sqrt())|]; }");

    [Fact]
    public Task Ignores_RootsOfNumbers() => Rule.Verify("class C { Tensor M(Tensor a, long d) => a / Math.Sqrt(d); }");

    [Fact]
    public Task Ignores_RootsAboveTheLine() => Rule.Verify("class C { Tensor M(Tensor a, Tensor b) => b.sqrt() / a + a * b.sqrt(); }");

    [Fact]
    public Task Ignores_RootsThatAreKept() => Rule.Verify("class C { Tensor M(Tensor a, Tensor b) { var s = b.sqrt(); return a / s + s; } }");

    [Fact]
    public Task Fixes_ByRsqrt() => Rule.VerifyFix(
        "class C { Tensor M(Tensor x, Tensor m, Tensor v) => [|(x - m) / torch.sqrt(v + 1e-5)|]; }",
        "class C { Tensor M(Tensor x, Tensor m, Tensor v) => (x - m) * (v + 1e-5).rsqrt(); }");

    [Fact]
    public Task FixesAll_Quotients() => Rule.VerifyFix(
        "class C { Tensor A(Tensor a, Tensor b) => [|a / b.sqrt()|] - [|1 / b.sqrt()|]; Tensor B(Tensor a, Tensor b) => [|a * a / torch.sqrt(b)|]; }",
        "class C { Tensor A(Tensor a, Tensor b) => a * b.rsqrt() - b.rsqrt(); Tensor B(Tensor a, Tensor b) => a * a * b.rsqrt(); }");
}
