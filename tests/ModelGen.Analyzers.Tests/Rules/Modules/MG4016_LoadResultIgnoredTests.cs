using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Modules.MG4016_LoadResultIgnored,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Modules;

public sealed class MG4016_LoadResultIgnoredTests
{
    [Fact]
    public Task Reports_ADroppedResult() => Rule.Verify("class C { void M(Linear model, Dictionary<string, Tensor> w) { [|model.load_state_dict(w, strict: false)|]; } }");

    [Fact]
    public Task Reports_APositionalArgument() => Rule.Verify("class C { void M(Sequential model, Dictionary<string, Tensor> w) { if (w.Count > 0) [|model.load_state_dict(w, false)|]; } }");

    [Fact]
    public Task Reports_InsideAModule() => Rule.Verify("class Net : Module<Tensor, Tensor> { Net(Dictionary<string, Tensor> w) : base(\"n\") { [|load_state_dict(w, strict: false)|]; } public override Tensor forward(Tensor x) => x; }");

    [Fact]
    public Task Ignores_ResultsThatAreUsed() => Rule.Verify("class C { void M(Linear model, Dictionary<string, Tensor> w) { var (missing, extra) = model.load_state_dict(w, strict: false); _ = model.load_state_dict(w, strict: false); } }");

    [Fact]
    public Task Ignores_StrictLoading() => Rule.Verify("class C { void M(Linear model, Dictionary<string, Tensor> w, bool strict) { model.load_state_dict(w); model.load_state_dict(w, strict: true); model.load_state_dict(w, strict: strict); } }");

    [Fact]
    public Task Ignores_OtherMethods() => Rule.Verify("class C { void load_state_dict(int n, bool strict) { } void M() { load_state_dict(1, strict: false); } }");
}
