using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5006_KlDivergenceOfProbabilities,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5006_KlDivergenceOfProbabilitiesTests
{
    [Fact]
    public Task Reports_ATargetOfProbabilities() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x, Tensor y) => functional.kl_div(x.log_softmax(1), [|y.softmax(1)|]);
            Tensor B(Tensor x, Tensor y) { var p = torch.softmax(y, 1); return functional.kl_div(x.log_softmax(1), [|p|], reduction: Reduction.Sum); }
        }
        """);

    [Fact]
    public Task Reports_AnInputOfProbabilities() => Rule.Verify("""
        class C { Tensor M(Tensor x, Tensor y) => functional.kl_div([|torch.softmax(x, 1)|], y, log_target: false); }
        """);

    [Fact]
    public Task Reports_ALossModule() => Rule.Verify("""
        class C { Tensor M(Tensor x, Tensor y) { var loss = KLDivLoss(); return loss.forward(x.log_softmax(1), [|y.softmax(1)|]); } }
        """);

    [Fact]
    public Task Ignores_LogTargetFalse() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x, Tensor y) => functional.kl_div(x.log_softmax(1), y.softmax(1), log_target: false);
            Tensor B(Tensor x, Tensor y) { var loss = KLDivLoss(false); return loss.call(x.log_softmax(1), y.softmax(1)); }
        }
        """);

    [Fact]
    public Task Ignores_Logarithms() => Rule.Verify("""
        class C { Tensor M(Tensor x, Tensor y) => functional.kl_div(x.log_softmax(1), y.log_softmax(1)); }
        """);

    [Fact]
    public Task Ignores_UnknownTargetsAndSettings() => Rule.Verify("""
        class C
        {
            private readonly KLDivLoss _loss;
            C(bool log) { _loss = KLDivLoss(log); }
            Tensor A(Tensor x, Tensor y) => functional.kl_div(x, y);
            Tensor B(Tensor x, Tensor y) => _loss.forward(x, y.softmax(1));
            Tensor D(Tensor x, Tensor y, bool log) => functional.kl_div(x, y.softmax(1), log);
        }
        """);
}
