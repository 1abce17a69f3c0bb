using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5008_LogOfActivation,
    ModelGen.CodeFixes.Rules.Numerics.MG5008_LogOfActivationFix>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5008_LogOfActivationTests
{
    [Fact]
    public Task Reports_Softmax() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x) => [|torch.log(torch.softmax(x, 1))|];
            Tensor B(Tensor x) => [|functional.softmax(x, 1).log()|];
        }
        """);

    [Fact]
    public Task Reports_SigmoidAndModules() => Rule.Verify("""
        class C
        {
            private readonly Softmax _softmax = Softmax(1);
            Tensor A(Tensor x) => [|x.sigmoid().log()|];
            Tensor B(Tensor x) => [|_softmax.call(x).log()|];
        }
        """);

    [Fact]
    public Task Reports_AnActivationInALocal() => Rule.Verify("""
        class C { Tensor M(Tensor x) { var p = x.softmax(-1); return (p * [|p.log()|]).sum(); } }
        """);

    [Fact]
    public Task Ignores_GuardedLogarithms() => Rule.Verify("class C { Tensor A(Tensor x) => (x.softmax(1) + 1e-9).log(); Tensor B(Tensor x) => x.softmax(1).clamp_min(1e-9).log(); }");

    [Fact]
    public Task Ignores_OtherFunctions() => Rule.Verify("class C { Tensor A(Tensor x) => x.tanh().log(); Tensor B(Tensor x) => x.softmax(1).sqrt(); Tensor D(Tensor x) => x.log().softmax(1); }");

    [Fact]
    public Task Ignores_LocalsThatChange() => Rule.Verify("""
        class C
        {
            Tensor A(Tensor x) { var p = x.softmax(1); p = p + 1e-9; return p.log(); }
            Tensor B(Tensor x) { var p = x.softmax(1); p.clamp_(1e-9); return p.log(); }
        }
        """);

    [Fact]
    public Task Fixes_ByLogSoftmax() => Rule.VerifyFix(
        "class C { Tensor M(Tensor x) => [|torch.log(torch.softmax(x * 2, 1))|]; }",
        "class C { Tensor M(Tensor x) => (x * 2).log_softmax(1); }");

    [Fact]
    public Task FixesAll_Activations() => Rule.VerifyFix(
        "class C { Tensor A(Tensor x) => [|x.softmax(1).log()|]; Tensor B(Tensor x) => [|torch.sigmoid(x).log()|]; }",
        "class C { Tensor A(Tensor x) => x.log_softmax(1); Tensor B(Tensor x) => functional.logsigmoid(x); }");

    [Fact]
    public Task OffersNoFix_ForAnActivationInALocal() => Rule.VerifyNoFix("class C { Tensor M(Tensor x) { var p = x.softmax(1); return p * [|p.log()|]; } }");
}
