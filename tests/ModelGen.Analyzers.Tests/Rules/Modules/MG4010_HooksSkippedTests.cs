using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Modules.MG4010_HooksSkipped,
    ModelGen.CodeFixes.Rules.Modules.MG4010_HooksSkippedFix>;

namespace ModelGen.Analyzers.Tests.Rules.Modules;

public sealed class MG4010_HooksSkippedTests
{
    [Fact]
    public Task Reports_AForwardHook() => Rule.Verify("class C { void M(Linear fc, Tensor x) { fc.register_forward_hook((m, a, b) => b); [|fc.forward(x)|]; } }");

    [Fact]
    public Task Reports_APreHook() => Rule.Verify("class C { Tensor M(Tensor x) { var fc = Linear(2, 2); var hook = fc.register_forward_pre_hook((m, a) => a); return [|fc.forward(x)|] * 2; } }");

    [Fact]
    public Task Reports_AField() => Rule.Verify("class C { private readonly Linear _fc; void M(Tensor x) { _fc.register_forward_hook((m, a, b) => b); for (int i = 0; i < 3; i++) { [|this._fc.forward(x)|]; } } }");

    [Fact]
    public Task Ignores_Call() => Rule.Verify("class C { void M(Linear fc, Tensor x) { fc.forward(x); fc.register_forward_hook((m, a, b) => b); fc.call(x); } }");

    [Fact]
    public Task Ignores_HooksOfOtherModules() => Rule.Verify("class C { void M(Sequential net, Linear fc, Tensor x) { fc.register_forward_hook((m, a, b) => b); net.forward(x); } }");

    [Fact]
    public Task Ignores_RemovedHooks() => Rule.Verify("class C { void M(Linear fc, Tensor x) { var hook = fc.register_forward_hook((m, a, b) => b); fc.call(x); hook.remove(); fc.forward(x); } }");

    [Fact]
    public Task Fixes_ByCall() => Rule.VerifyFix(
        "class C { Tensor M(Linear fc, Tensor x) { fc.register_forward_hook((m, a, b) => b); return [|fc.forward(x)|]; } }",
        "class C { Tensor M(Linear fc, Tensor x) { fc.register_forward_hook((m, a, b) => b); return fc.call(x); } }");

    [Fact]
    public Task FixesAll_Calls() => Rule.VerifyFix(
        "class C { Tensor M(Linear fc, Tensor x) { fc.register_forward_hook((m, a, b) => b); return [|fc.forward(x)|] + [|fc.forward(x * 2)|]; } }",
        "class C { Tensor M(Linear fc, Tensor x) { fc.register_forward_hook((m, a, b) => b); return fc.call(x) + fc.call(x * 2); } }");
}
