using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Modules.MG4012_LayerNeverUsed,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Modules;

public sealed class MG4012_LayerNeverUsedTests
{
    private static string Net(string members) => $$"""
        class Net : Module<Tensor, Tensor>
        {
            private readonly Linear a = Linear(2, 2);
            {{members}}
            public override Tensor forward(Tensor x) => a.forward(x);
        }
        """;

    [Fact]
    public Task Reports_ALayerSetInTheConstructor() => Rule.Verify(Net("private readonly Linear [|b|]; Net() : base(\"n\") { b = Linear(2, 2); RegisterComponents(); }"));

    [Fact]
    public Task Reports_AnInitializer() => Rule.Verify(Net("private Module<Tensor, Tensor> [|b|] = Linear(2, 2); Net() : base(\"n\") { RegisterComponents(); }"));

    [Fact]
    public Task Reports_SeveralLayers() => Rule.Verify(Net("private Dropout [|b|]; private Sequential [|c|]; Net() : base(\"n\") { this.b = Dropout(0.1); c = Sequential(ReLU()); RegisterComponents(); }"));

    [Fact]
    public Task Ignores_LayersThatAreUsed() => Rule.Verify(Net("private Linear b, c, d; private Sequential s; Net() : base(\"n\") { b = Linear(2, 2); c = Linear(2, 2); d = Linear(2, 2); s = Sequential(b); init.zeros_(c.weight); RegisterComponents(); } public Linear D => d; Tensor M(Tensor x) => s.forward(x); "));

    [Fact]
    public Task Ignores_FieldsThatOthersCanSee() => Rule.Verify(Net("protected Linear b = Linear(2, 2); internal Linear c = Linear(2, 2); public Linear d = Linear(2, 2); Net() : base(\"n\") { RegisterComponents(); }"));

    [Fact]
    public Task Ignores_ClassesThatWalkTheirChildren() => Rule.Verify(Net("private Linear b = Linear(2, 2); Net() : base(\"n\") { RegisterComponents(); } int Count() => children().Count();"));

    [Fact]
    public Task Reports_EachClassOfAFile() => Rule.Verify(Net("class Inner : Module<Tensor, Tensor> { private readonly Linear a = Linear(2, 2), [|c|] = Linear(2, 2); public Inner() : base(\"i\") { RegisterComponents(); } public override Tensor forward(Tensor x) => a.forward(x); } private readonly Linear [|b|] = Linear(2, 2), c = Linear(2, 2); Net() : base(\"n\") { RegisterComponents(); } Tensor M(Tensor x) => c.forward(x);"));

    [Fact]
    public Task Ignores_LayersThatANestedClassReads() => Rule.Verify(Net("private readonly Linear b = Linear(2, 2); Net() : base(\"n\") { RegisterComponents(); } class Reader { Tensor Read(Net net, Tensor x) => net.b.forward(x); }"));

    [Fact]
    public Task Ignores_LayersReadThroughAnotherInstance() => Rule.Verify("""
        class Net<T> : Module<Tensor, Tensor>
        {
            private readonly Linear a = Linear(2, 2);
            public Net() : base("n") { RegisterComponents(); }
            public override Tensor forward(Tensor x) => new Net<int>().a.forward(x);
        }
        """);

    [Fact]
    public Task Ignores_ClassesInSeveralParts() => Rule.Verify("partial " + Net("private readonly Linear b = Linear(2, 2); Net() : base(\"n\") { RegisterComponents(); }") + " partial class Net { }");

    [Fact]
    public Task Ignores_GeneratedClasses() => Rule.Verify("[System.CodeDom.Compiler.GeneratedCode(\"tool\", \"1\")] " + Net("private readonly Linear b = Linear(2, 2); Net() : base(\"n\") { RegisterComponents(); }"));
}
