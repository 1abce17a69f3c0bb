using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Modules.MG4004_TrainableTensorField,
    ModelGen.CodeFixes.Rules.Modules.MG4004_TrainableTensorFieldFix>;

namespace ModelGen.Analyzers.Tests.Rules.Modules;

public sealed class MG4004_TrainableTensorFieldTests
{
    private static string Net(string members) => $$"""
        class Net : Module<Tensor, Tensor>
        {
            {{members}}
            public override Tensor forward(Tensor x) => x;
        }
        """;

    [Fact]
    public Task Reports_AFieldSetInTheConstructor() => Rule.Verify(Net("private readonly Tensor w; Net() : base(\"n\") { w = [|torch.randn(3, requires_grad: true)|]; RegisterComponents(); }"));

    [Fact]
    public Task Reports_AnInitializer() => Rule.Verify(Net("private Tensor w = [|torch.zeros(3, 4, requires_grad: true)|]; Net() : base(\"n\") { RegisterComponents(); }"));

    [Fact]
    public Task Reports_RequiresGradAsACall() => Rule.Verify(Net("public Tensor w; Net() : base(\"n\") { this.w = [|(torch.randn(3) * 0.1).requires_grad_()|]; RegisterComponents(); }"));

    [Fact]
    public Task Ignores_ParametersAndBuffers() => Rule.Verify(Net("private Parameter p; private Tensor q; private Tensor b; Net() : base(\"n\") { p = Parameter(torch.randn(3)); q = Parameter(torch.randn(3)); b = torch.ones(3); RegisterComponents(); }"));

    [Fact]
    public Task Ignores_ClassesWithTheirOwnParameters() => Rule.Verify(Net("private Tensor w = torch.ones(3, requires_grad: true); Net() : base(\"n\") { register_parameter(\"w\", Parameter(w)); }"));

    [Fact]
    public Task Ignores_OtherClassesAndOtherMethods() => Rule.Verify("""
        class Attack { private Tensor noise = torch.zeros(3, requires_grad: true); }
        class Net : Module<Tensor, Tensor>
        {
            private Tensor probe;
            Net() : base("n") { RegisterComponents(); }
            void Probe() { probe = torch.zeros(3, requires_grad: true); }
            public override Tensor forward(Tensor x) => x;
        }
        """);

    [Fact]
    public Task Fixes_ByAParameter() => Rule.VerifyFix(
        Net("private readonly Tensor w; Net() : base(\"n\") { w = [|torch.randn(3, requires_grad: true)|]; RegisterComponents(); }"),
        Net("private readonly Parameter w; Net() : base(\"n\") { w = nn.Parameter(torch.randn(3, requires_grad: true)); RegisterComponents(); }"));

    [Fact]
    public Task FixesAll_Fields() => Rule.VerifyFix(
        Net("private Tensor v = [|torch.ones(3, requires_grad: true)|]; private Tensor w; Net() : base(\"n\") { this.w = [|torch.randn(3, requires_grad: true)|]; RegisterComponents(); }"),
        Net("private Parameter v = nn.Parameter(torch.ones(3, requires_grad: true)); private Parameter w; Net() : base(\"n\") { this.w = nn.Parameter(torch.randn(3, requires_grad: true)); RegisterComponents(); }"));
}
