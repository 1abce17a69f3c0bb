using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5009_SigmoidBeforeBinaryCrossEntropy,
    ModelGen.CodeFixes.Rules.Numerics.MG5009_SigmoidBeforeBinaryCrossEntropyFix>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5009_SigmoidBeforeBinaryCrossEntropyTests
{
    [Fact]
    public Task Reports_TheFunction() => Rule.Verify("class C { Tensor M(Tensor x, Tensor y) => [|functional.binary_cross_entropy(torch.sigmoid(x), y)|]; }");

    [Fact]
    public Task Reports_TheModule() => Rule.Verify("""
        class C { private readonly BCELoss _loss = BCELoss(); Tensor M(Tensor x, Tensor y) => [|_loss.forward(x.sigmoid(), y)|]; }
        """);

    [Fact]
    public Task Reports_ASigmoidInALocal() => Rule.Verify("""
        class C { Tensor M(Linear model, Tensor x, Tensor y) { var p = torch.sigmoid(model.forward(x)); return [|functional.binary_cross_entropy(p, y)|]; } }
        """);

    [Fact]
    public Task Ignores_Logits() => Rule.Verify("class C { Tensor M(Tensor x, Tensor y) => functional.binary_cross_entropy_with_logits(x, y); }");

    [Fact]
    public Task Ignores_OtherProbabilities() => Rule.Verify("class C { Tensor M(Tensor p, Tensor y) => functional.binary_cross_entropy(p, y) + functional.binary_cross_entropy(p.softmax(1), y); }");

    [Fact]
    public Task Ignores_ASigmoidInTheTarget() => Rule.Verify("class C { Tensor M(Tensor p, Tensor y) => functional.binary_cross_entropy(p, y.sigmoid()); }");

    [Fact]
    public Task Fixes_ByPassingTheScores() => Rule.VerifyFix(
        "class C { Tensor M(Tensor x, Tensor y, Tensor w) => [|functional.binary_cross_entropy(torch.sigmoid(x * 2), y, w)|]; }",
        "class C { Tensor M(Tensor x, Tensor y, Tensor w) => functional.binary_cross_entropy_with_logits(x * 2, y, w); }");

    [Fact]
    public Task FixesAll_Functions() => Rule.VerifyFix(
        "class C { Tensor A(Tensor x, Tensor y) => [|functional.binary_cross_entropy(x.sigmoid(), y)|]; Tensor B(Tensor x, Tensor y) => [|functional.binary_cross_entropy(functional.sigmoid(x), y)|]; }",
        "class C { Tensor A(Tensor x, Tensor y) => functional.binary_cross_entropy_with_logits(x, y); Tensor B(Tensor x, Tensor y) => functional.binary_cross_entropy_with_logits(x, y); }");

    [Fact]
    public Task OffersNoFix_ForALossModule() => Rule.VerifyNoFix("class C { BCELoss _loss = BCELoss(); Tensor M(Tensor x, Tensor y) => [|_loss.forward(x.sigmoid(), y)|]; }");
}
