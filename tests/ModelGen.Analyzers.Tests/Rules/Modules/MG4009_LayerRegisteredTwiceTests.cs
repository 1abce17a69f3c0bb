using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Modules.MG4009_LayerRegisteredTwice,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Modules;

public sealed class MG4009_LayerRegisteredTwiceTests
{
    private static string Net(string members) => $$"""
        class Net : Module<Tensor, Tensor>
        {
            {{members}}
            public override Tensor forward(Tensor x) => x;
        }
        """;

    [Fact]
    public Task Reports_AnElementOfSequential() => Rule.Verify(Net("private Linear fc; private Sequential s; public Net() : base(\"n\") { fc = Linear(2, 2); s = Sequential([|fc|], ReLU()); RegisterComponents(); }"));

    [Fact]
    public Task Reports_NamedElements() => Rule.Verify(Net("private Linear fc; private Module<Tensor, Tensor> s; public Net() : base(\"n\") { fc = Linear(2, 2); s = Sequential((\"fc\", [|fc|]), (\"relu\", ReLU())); RegisterComponents(); }"));

    [Fact]
    public Task Reports_AnElementOfModuleList() => Rule.Verify(Net("private Linear fc; private ModuleList<Linear> list; public Net() : base(\"n\") { fc = Linear(2, 2); list = new ModuleList<Linear>([|this.fc|], Linear(2, 2)); RegisterComponents(); }"));

    [Fact]
    public Task Ignores_Locals() => Rule.Verify(Net("private Sequential s; public Net() : base(\"n\") { var fc = Linear(2, 2); s = Sequential(fc, ReLU()); RegisterComponents(); }"));

    [Fact]
    public Task Ignores_LayersWithoutWeights() => Rule.Verify(Net("private ReLU relu = ReLU(); private Sequential s; public Net() : base(\"n\") { s = Sequential(Linear(2, 2), relu); RegisterComponents(); }"));

    [Fact]
    public Task Ignores_ContainersThatAreNotKept() => Rule.Verify(Net("private Linear fc = Linear(2, 2); public Net() : base(\"n\") { var s = Sequential(fc, ReLU()); s.apply(m => { }); RegisterComponents(); }"));
}
