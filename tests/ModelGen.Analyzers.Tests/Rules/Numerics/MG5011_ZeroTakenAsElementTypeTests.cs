using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5011_ZeroTakenAsElementType,
    ModelGen.CodeFixes.Rules.Numerics.MG5011_ZeroTakenAsElementTypeFix>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5011_ZeroTakenAsElementTypeTests
{
    [Fact]
    public Task Reports_Sum() => Rule.Verify("class C { Tensor M(Tensor x) => x.sum([|0|]); }");

    [Fact]
    public Task Reports_Prod() => Rule.Verify("class C { Tensor M(Tensor x) => x.prod([|0|]) * 2; }");

    [Fact]
    public Task Reports_TheFunctions() => Rule.Verify("class C { Tensor M(Tensor x) => torch.sum(x, [|0|]) + torch.prod(x, [|0|]); }");

    [Fact]
    public Task Ignores_DimensionsThatAreNone() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x) => x.sum(1) + x.sum(0L) + x.sum(-1);
            Tensor B(Tensor x, int dim) => x.sum(dim);
            Tensor D(Tensor x) => x.sum(0, true);
        }
        """);

    [Fact]
    public Task Ignores_ElementTypesByName() => Rule.Verify("class C { Tensor M(Tensor x) => x.sum(ScalarType.Byte) + x.sum(type: ScalarType.Float64); }");

    [Fact]
    public Task Ignores_OtherZeros() => Rule.Verify("class C { Tensor M(Tensor x) => x.softmax(0) + x.argmax(0) + x.cumsum(0) + x.mean(new long[] { 0 }); }");

    [Fact]
    public Task Fixes_ByALong() => Rule.VerifyFix(
        "class C { Tensor M(Tensor x) => x.sum([|0|]); }",
        "class C { Tensor M(Tensor x) => x.sum(0L); }");

    [Fact]
    public Task FixesAll_SumsAndProducts() => Rule.VerifyFix(
        "class C { Tensor A(Tensor x) => x.sum([|0|]) + x.prod([|0|]); Tensor B(Tensor x) => torch.sum(x, [|0|]); }",
        "class C { Tensor A(Tensor x) => x.sum(0L) + x.prod(0L); Tensor B(Tensor x) => torch.sum(x, 0L); }");
}
