using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Autograd.MG3017_OptimizerDefaultDiffers,
    ModelGen.CodeFixes.Rules.Autograd.MG3017_OptimizerDefaultDiffersFix>;

namespace ModelGen.Analyzers.Tests.Rules.Autograd;

public sealed class MG3017_OptimizerDefaultDiffersTests
{
    [Fact]
    public Task Reports_AdamW() => Rule.Verify("class C { object M(Linear m) => [|torch.optim.AdamW(m.parameters(), 1e-3)|]; }");

    [Fact]
    public Task Reports_OtherOptimizers() => Rule.Verify("class C { object M(Linear m) => ([|torch.optim.RAdam(m.parameters())|], [|torch.optim.ASGD(m.parameters(), weight_decay: 0.1)|], [|torch.optim.LBFGS(m.parameters())|]); }");

    [Fact]
    public Task Reports_AConstructor() => Rule.Verify("class C { object M(Linear m) => [|new AdamW(m.parameters(), amsgrad: true)|]; }");

    [Fact]
    public Task Ignores_StatedValues() => Rule.Verify("class C { object M(Linear m, double d) => (torch.optim.AdamW(m.parameters(), weight_decay: 0), torch.optim.AdamW(m.parameters(), 1e-3, 0.9, 0.99, 1e-8, d), torch.optim.RAdam(m.parameters(), 1e-3)); }");

    [Fact]
    public Task Ignores_DefaultsThatAgree() => Rule.Verify("class C { object M(Linear m) => (torch.optim.Adam(m.parameters()), torch.optim.RMSProp(m.parameters()), torch.optim.SGD(m.parameters(), 0.1), torch.optim.NAdam(m.parameters())); }");

    [Fact]
    public Task Ignores_ParameterGroups() => Rule.Verify("class C { object M(IEnumerable<AdamW.ParamGroup> groups) => torch.optim.AdamW(groups); }");

    [Fact]
    public Task Fixes_ByStatingTheDefault() => Rule.VerifyFix(
        "class C { object M(Linear m) => [|torch.optim.AdamW(m.parameters(), 1e-3)|]; }",
        "class C { object M(Linear m) => torch.optim.AdamW(m.parameters(), 1e-3, weight_decay: 0); }");

    [Fact]
    public Task FixesAll_Optimizers() => Rule.VerifyFix(
        "class C { object M(Linear m) => ([|torch.optim.RAdam(m.parameters())|], [|new AdamW(m.parameters())|]); }",
        "class C { object M(Linear m) => (torch.optim.RAdam(m.parameters(), lr: 0.002), new AdamW(m.parameters(), weight_decay: 0)); }");
}
