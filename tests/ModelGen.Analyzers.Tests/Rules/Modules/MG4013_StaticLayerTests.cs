using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Modules.MG4013_StaticLayer,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Modules;

public sealed class MG4013_StaticLayerTests
{
    private static string Net(string members) => $$"""
        class Net : Module<Tensor, Tensor>
        {
            {{members}}
            public override Tensor forward(Tensor x) => x;
        }
        """;

    [Fact]
    public Task Reports_ALayer() => Rule.Verify(Net("private static readonly Linear [|fc|] = Linear(2, 2); public Net() : base(\"n\") { RegisterComponents(); }"));

    [Fact]
    public Task Reports_AParameter() => Rule.Verify(Net("public static Parameter [|w|] = Parameter(torch.ones(2)); public Net() : base(\"n\") { RegisterComponents(); }"));

    [Fact]
    public Task Reports_AnAutoProperty() => Rule.Verify(Net("static Embedding [|Table|] { get; } = Embedding(10, 2); public Net() : base(\"n\") { RegisterComponents(); }"));

    [Fact]
    public Task Ignores_InstanceFields() => Rule.Verify(Net("private readonly Linear fc = Linear(2, 2); public Net() : base(\"n\") { RegisterComponents(); }"));

    [Fact]
    public Task Ignores_LayersWithoutWeights() => Rule.Verify(Net("private static readonly ReLU relu = ReLU(); private static readonly MSELoss loss = MSELoss(); public Net() : base(\"n\") { RegisterComponents(); }"));

    [Fact]
    public Task Ignores_OtherClasses() => Rule.Verify("static class Program { static Linear model = Linear(2, 2); static readonly Tensor one = torch.ones(1); }");
}
