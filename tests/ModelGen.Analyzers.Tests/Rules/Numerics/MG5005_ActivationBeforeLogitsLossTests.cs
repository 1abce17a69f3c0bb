using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5005_ActivationBeforeLogitsLoss,
    ModelGen.CodeFixes.Rules.Numerics.MG5005_ActivationBeforeLogitsLossFix>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5005_ActivationBeforeLogitsLossTests
{
    [Fact]
    public Task Reports_SoftmaxInTheArgument() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x, Tensor y) => functional.cross_entropy([|torch.softmax(x, 1)|], y);
            Tensor B(Tensor x, Tensor y) => functional.cross_entropy([|x.log_softmax(1)|], y);
        }
        """);

    [Fact]
    public Task Reports_LossModuleAndActivationModule() => Rule.Verify("""
        class C
        {
            private readonly CrossEntropyLoss _loss = CrossEntropyLoss();
            private readonly Softmax _softmax = Softmax(1);
            Tensor M(Tensor x, Tensor y) => _loss.forward([|_softmax.forward(x)|], y);
        }
        """);

    [Fact]
    public Task Reports_LocalThatHoldsTheActivation() => Rule.Verify("""
        class C
        {
            Tensor M(Linear model, Tensor x, Tensor y)
            {
                var p = torch.sigmoid(model.forward(x));
                return functional.binary_cross_entropy_with_logits([|p|], y);
            }
        }
        """);

    [Fact]
    public Task Ignores_RawScores() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x, Tensor y) => functional.cross_entropy(x, y);
            Tensor B(Tensor x, Tensor y) => functional.cross_entropy(x, torch.softmax(y, 1));
        }
        """);

    [Fact]
    public Task Ignores_LossesThatExpectTheActivation() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x, Tensor y) => functional.nll_loss(functional.log_softmax(x, 1), y);
            Tensor B(Tensor x, Tensor y) => functional.binary_cross_entropy(torch.sigmoid(x), y);
        }
        """);

    [Fact]
    public Task Ignores_LocalThatIsAssignedAgainAndOtherActivations() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x, Tensor y)
            {
                var p = torch.softmax(x, 1);
                p = x * 2;
                return functional.cross_entropy(p, y);
            }

            Tensor B(Tensor x, Tensor y) => functional.cross_entropy(torch.sigmoid(x), y);
        }
        """);

    [Fact]
    public Task Fixes_ByPassingTheScores() => Rule.VerifyFix(
        "class C { Tensor M(Tensor x, Tensor y) => functional.cross_entropy([|torch.softmax(x * 2, 1)|], y); }",
        "class C { Tensor M(Tensor x, Tensor y) => functional.cross_entropy(x * 2, y); }");

    [Fact]
    public Task FixesAll_MethodsFunctionsAndModules() => Rule.VerifyFix(
        """
        class C
        {
            private readonly BCEWithLogitsLoss _loss = BCEWithLogitsLoss();
            private readonly Sigmoid _sigmoid = Sigmoid();
            Tensor A(Tensor x, Tensor y) => functional.cross_entropy([|x.softmax(1)|], y);
            Tensor B(Tensor x, Tensor y) => _loss.call([|_sigmoid.call(x)|], y);
        }
        """,
        """
        class C
        {
            private readonly BCEWithLogitsLoss _loss = BCEWithLogitsLoss();
            private readonly Sigmoid _sigmoid = Sigmoid();
            Tensor A(Tensor x, Tensor y) => functional.cross_entropy(x, y);
            Tensor B(Tensor x, Tensor y) => _loss.call(x, y);
        }
        """);

    [Fact]
    public Task OffersNoFix_WhenTheActivationIsInALocal() => Rule.VerifyNoFix("""
        class C { Tensor M(Tensor x, Tensor y) { var p = x.softmax(1); return functional.cross_entropy([|p|], y); } }
        """);
}
