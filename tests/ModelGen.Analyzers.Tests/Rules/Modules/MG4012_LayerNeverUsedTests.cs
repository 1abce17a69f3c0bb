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
}
