using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5016_TargetOfWrongType,
    ModelGen.CodeFixes.Rules.Numerics.MG5016_TargetOfWrongTypeFix>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5016_TargetOfWrongTypeTests
{
    [Fact]
    public Task Reports_IndicesOfInt() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x) { var y = torch.tensor(new int[] { 0, 1 }); return functional.cross_entropy(x, [|y|]); }
            Tensor B(Tensor x, List<int> labels) => functional.nll_loss(x, [|torch.tensor(labels)|]);
        }
        """);

    [Fact]
    public Task Reports_TruthValuesAsProbabilities() => Rule.Verify("""
        class C
        {
            private readonly BCEWithLogitsLoss _loss = BCEWithLogitsLoss();
            Tensor A(Tensor x, Tensor y) => _loss.call(x, [|y > 0.5|]);
            Tensor B(Tensor x, Tensor y) => functional.binary_cross_entropy(x, [|y.to_type(ScalarType.Int64)|]);
        }
        """);

    [Fact]
    public Task Reports_OneHotOfInt() => Rule.Verify("class C { Tensor M(int[] labels) => functional.one_hot([|torch.tensor(labels)|], 10); }");

    [Fact]
    public Task Ignores_TheRightTypes() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x) => functional.cross_entropy(x, torch.tensor(new long[] { 0, 1 }));
            Tensor B(Tensor x, int[] y) => functional.cross_entropy(x, torch.tensor(y, dtype: ScalarType.Int64));
            Tensor D(Tensor x, int[] y) => functional.binary_cross_entropy_with_logits(x, torch.tensor(y).@float());
            Tensor E(Tensor x) => functional.cross_entropy(x, torch.tensor(new float[,] { { 1, 0 } }));
        }
        """);

    [Fact]
    public Task Ignores_UnknownTypes() => Rule.Verify("class C { Tensor M(Tensor x, Tensor y) => functional.cross_entropy(x, y) + functional.binary_cross_entropy(x, y.view(-1)); }");

    [Fact]
    public Task Ignores_OtherLosses() => Rule.Verify("class C { Tensor M(Tensor x, int[] y) => functional.mse_loss(x, torch.tensor(y)); }");

    [Fact]
    public Task Fixes_ByConverting() => Rule.VerifyFix(
        "class C { Tensor M(Tensor x, int[] y) => functional.cross_entropy(x, [|torch.tensor(y)|]); }",
        "class C { Tensor M(Tensor x, int[] y) => functional.cross_entropy(x, torch.tensor(y).@long()); }");

    [Fact]
    public Task FixesAll_Targets() => Rule.VerifyFix(
        "class C { Tensor A(Tensor x, int[] y) => functional.one_hot([|torch.tensor(y)|]); Tensor B(Tensor x, Tensor y) => functional.binary_cross_entropy_with_logits(x, [|y > 0|]); }",
        "class C { Tensor A(Tensor x, int[] y) => functional.one_hot(torch.tensor(y).@long()); Tensor B(Tensor x, Tensor y) => functional.binary_cross_entropy_with_logits(x, (y > 0).@float()); }");
}
