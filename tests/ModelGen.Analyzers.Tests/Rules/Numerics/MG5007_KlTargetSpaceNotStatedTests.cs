using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Numerics.MG5007_KlTargetSpaceNotStated,
    ModelGen.CodeFixes.Rules.Numerics.MG5007_KlTargetSpaceNotStatedFix>;

namespace ModelGen.Analyzers.Tests.Rules.Numerics;

public sealed class MG5007_KlTargetSpaceNotStatedTests
{
    [Fact]
    public Task Reports_TheFunction() => Rule.Verify("class C { Tensor M(Tensor x, Tensor y) => [|functional.kl_div(x, y)|]; }");

    [Fact]
    public Task Reports_TheModule() => Rule.Verify("class C { private readonly KLDivLoss _loss = [|KLDivLoss()|]; }");

    [Fact]
    public Task Reports_OtherSettingsAlone() => Rule.Verify("class C { Tensor M(Tensor x, Tensor y) => [|functional.kl_div(x, y, reduction: Reduction.Sum)|]; }");

    [Fact]
    public Task Ignores_StatedTargets() => Rule.Verify("""
        class C
        {
            private readonly KLDivLoss _a = KLDivLoss(log_target: false);
            private readonly KLDivLoss _b = KLDivLoss(true);
            Tensor M(Tensor x, Tensor y, bool log) => functional.kl_div(x, y, log);
        }
        """);

    [Fact]
    public Task Ignores_WhatTheOtherRuleReports() => Rule.Verify("class C { Tensor M(Tensor x, Tensor y) => functional.kl_div(x, y.softmax(1)); }");

    [Fact]
    public Task Ignores_OtherLosses() => Rule.Verify("""
        class C
        {
            private readonly PoissonNLLLoss _loss = PoissonNLLLoss();
            Tensor M(Tensor x, Tensor y) => functional.mse_loss(x, y);
            static Tensor kl_div(Tensor x, bool log_target = true) => x;
            Tensor N(Tensor x) => kl_div(x);
        }
        """);

    [Fact]
    public Task Fixes_ByStatingTheDefault() => Rule.VerifyFix(
        "class C { Tensor M(Tensor x, Tensor y) => [|functional.kl_div(x, y)|]; }",
        "class C { Tensor M(Tensor x, Tensor y) => functional.kl_div(x, y, log_target: true); }");

    [Fact]
    public Task FixesAll_FunctionsAndModules() => Rule.VerifyFix(
        "class C { KLDivLoss _loss = [|KLDivLoss()|]; Tensor M(Tensor x, Tensor y) => [|functional.kl_div(x, y, reduction: Reduction.Sum)|]; }",
        "class C { KLDivLoss _loss = KLDivLoss(log_target: true); Tensor M(Tensor x, Tensor y) => functional.kl_div(x, y, reduction: Reduction.Sum, log_target: true); }");
}
