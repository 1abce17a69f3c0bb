using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Modules.MG4017_SharedParameter,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Modules;

public sealed class MG4017_SharedParameterTests
{
    private static string Net(string members) => $$"""
        class Net : Module<Tensor, Tensor>
        {
            {{members}}
            public override Tensor forward(Tensor x) => x;
        }
        """;

    [Fact]
    public Task Reports_TiedLinearLayers() => Rule.Verify(Net("private Linear a = Linear(2, 2), b = Linear(2, 2); public Net() : base(\"n\") { [|b.weight = a.weight|]; RegisterComponents(); }"));

    [Fact]
    public Task Reports_TiedEmbeddings() => Rule.Verify(Net("private readonly Embedding e; private readonly Linear o; public Net() : base(\"n\") { e = Embedding(10, 4); o = Linear(4, 10, hasBias: false); RegisterComponents(); [|this.o.weight = this.e.weight|]; }"));

    [Fact]
    public Task Reports_InAMethod() => Rule.Verify(Net("private Linear a = Linear(2, 2), b = Linear(2, 2); public Net() : base(\"n\") { Tie(); RegisterComponents(); } void Tie() { [|b.bias = a.bias|]; }"));

    [Fact]
    public Task Ignores_NewParameters() => Rule.Verify(Net("private Linear a = Linear(2, 2), b = Linear(2, 2); public Net() : base(\"n\") { b.weight = Parameter(a.weight.clone().detach()); RegisterComponents(); }"));

    [Fact]
    public Task Ignores_SharedLayersAndUses() => Rule.Verify(Net("private Linear a = Linear(2, 2); private Linear b; public Net() : base(\"n\") { b = a; RegisterComponents(); } Tensor M(Tensor x) { var w = a.weight; return functional.linear(x, w); }"));

    [Fact]
    public Task Ignores_OtherClasses() => Rule.Verify("class C { private Linear a, b; void M() { b.weight = a.weight; } }");
}
