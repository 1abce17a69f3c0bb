using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5015_StatisticsOfIntegers,
    ModelGen.CodeFixes.Rules.Numerics.MG5015_StatisticsOfIntegersFix>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5015_StatisticsOfIntegersTests
{
    [Fact]
    public Task Reports_TheMeanOfAComparison() => Rule.Verify("class C { Tensor M(Tensor x, Tensor y) => [|(x.argmax(1) == y).mean()|]; }");

    [Fact]
    public Task Reports_ALocal() => Rule.Verify("class C { Tensor M(Tensor x, Tensor y) { var hits = x.eq(y); return [|torch.mean(hits)|]; } }");

    [Fact]
    public Task Reports_WholeNumbers() => Rule.Verify("""
        class C
        {
            Tensor A() => [|torch.tensor(new long[] { 1, 2 }).std()|];
            Tensor B(Tensor x) => [|x.to_type(ScalarType.Int64).softmax(1)|];
            Tensor D(Tensor x) => [|x.argmax(1).view(-1).mean(new long[] { 0 })|];
        }
        """);

    [Fact]
    public Task Ignores_ConvertedTensors() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x, Tensor y) => (x.argmax(1) == y).to_type(ScalarType.Float32).mean();
            Tensor B(Tensor x, Tensor y) => x.eq(y).@float().mean();
            Tensor D() => torch.tensor(new long[] { 1, 2 }, dtype: ScalarType.Float32).mean();
            Tensor E(Tensor x, Tensor y) => x.eq(y).mean(new long[] { 0 }, type: ScalarType.Float32);
        }
        """);

    [Fact]
    public Task Ignores_UnknownTypes() => Rule.Verify("class C { Tensor A(Tensor x) => x.mean(); Tensor B(Tensor x, Tensor like) => x.eq(1).to(like).mean(); Tensor D(Tensor x) { var y = x.eq(1); y = y * 1f; return y.mean(); } }");

    [Fact]
    public Task Ignores_Sums() => Rule.Verify("class C { Tensor M(Tensor x, Tensor y) => x.eq(y).sum() + x.argmax(1).max(); }");

    [Fact]
    public Task Fixes_ByConverting() => Rule.VerifyFix(
        "class C { Tensor M(Tensor x, Tensor y) => [|(x.argmax(1) == y).mean()|]; }",
        "class C { Tensor M(Tensor x, Tensor y) => (x.argmax(1) == y).@float().mean(); }");

    [Fact]
    public Task FixesAll_Methods() => Rule.VerifyFix(
        "class C { Tensor A(Tensor x, Tensor y) => [|x.eq(y).mean()|]; Tensor B(Tensor x) { var i = x.argmax(1); return [|i.std()|] + [|i.softmax(0)|]; } }",
        "class C { Tensor A(Tensor x, Tensor y) => x.eq(y).@float().mean(); Tensor B(Tensor x) { var i = x.argmax(1); return i.@float().std() + i.@float().softmax(0); } }");
}
