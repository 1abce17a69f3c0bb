using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1028_OneHotCrossEntropy,
    ModelGen.CodeFixes.Rules.Memory.MG1028_OneHotCrossEntropyFix>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1028_OneHotCrossEntropyTests
{
    [Fact]
    public Task Reports_Functional() => Rule.Verify("""
        class C { Tensor M(Tensor s, Tensor y) => functional.cross_entropy(s, [|functional.one_hot(y, 10).to(ScalarType.Float32)|]); }
        """);

    [Fact]
    public Task Reports_ShortForm() => Rule.Verify("""
        class C { Tensor M(Tensor s, Tensor y) => functional.cross_entropy(s, [|functional.one_hot(y).@float()|], label_smoothing: 0.1); }
        """);

    [Fact]
    public Task Reports_LossModule() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor s, Tensor y)
            {
                using var loss = CrossEntropyLoss();
                return loss.forward(s, [|functional.one_hot(y, 10).to_type(ScalarType.Float32)|]);
            }
        }
        """);

    [Fact]
    public Task Ignores_Weights() => Rule.Verify("""
        class C
        {
            Tensor M(Tensor s, Tensor y, Tensor w)
            {
                using var loss = CrossEntropyLoss(weight: w);
                return loss.forward(s, functional.one_hot(y, 10).@float()) + functional.cross_entropy(s, functional.one_hot(y, 10).@float(), w);
            }
        }
        """);

    [Fact]
    public Task Ignores_SoftTargets() => Rule.Verify("""
        class C { Tensor M(Tensor s, Tensor y) => functional.cross_entropy(s, functional.one_hot(y, 10).@float() * 0.9f + 0.01f); }
        """);

    [Fact]
    public Task Ignores_OtherLossesAndIndices() => Rule.Verify("""
        class C { Tensor M(Tensor s, Tensor y) => functional.cross_entropy(s, y) + functional.mse_loss(s, functional.one_hot(y, 10).@float()); }
        """);

    [Fact]
    public Task Fixes_ByPassingTheLabels() => Rule.VerifyFix(
        """
        class C { Tensor M(Tensor s, Tensor y) => functional.cross_entropy(s, [|functional.one_hot(y, 10).to(ScalarType.Float32)|]); }
        """,
        """
        class C { Tensor M(Tensor s, Tensor y) => functional.cross_entropy(s, y); }
        """);

    [Fact]
    public Task FixesAll_Several() => Rule.VerifyFix(
        """
        class C
        {
            Tensor M(Tensor s, Tensor y) => functional.cross_entropy(s, [|functional.one_hot(y, 10).to(ScalarType.Float32)|]);
            Tensor N(Tensor s, Tensor y) => functional.cross_entropy(s, [|functional.one_hot(y).@float()|]);
        }
        """,
        """
        class C
        {
            Tensor M(Tensor s, Tensor y) => functional.cross_entropy(s, y);
            Tensor N(Tensor s, Tensor y) => functional.cross_entropy(s, y);
        }
        """);
}
