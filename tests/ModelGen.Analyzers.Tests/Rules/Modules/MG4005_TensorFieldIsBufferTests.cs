using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Modules.MG4005_TensorFieldIsBuffer,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Modules;

public sealed class MG4005_TensorFieldIsBufferTests
{
    private static string Net(string members) => $$"""
        class Net : Module<Tensor, Tensor>
        {
            {{members}}
            public override Tensor forward(Tensor x) => x;
        }
        """;

    [Fact]
    public Task Reports_AnInitializer() => Rule.Verify(Net("private readonly Tensor [|mask|] = torch.ones(4, 4).tril(); Net() : base(\"n\") { RegisterComponents(); }"));

    [Fact]
    public Task Reports_AnAssignment() => Rule.Verify(Net("private Tensor [|mask|]; Net(long n) : base(\"n\") { mask = torch.ones(n, n); RegisterComponents(); }"));

    [Fact]
    public Task Reports_ATensorThatIsPassedIn() => Rule.Verify(Net("private Tensor [|mask|]; Net(Tensor m) : base(\"n\") { this.mask = m; RegisterComponents(); }"));

    [Fact]
    public Task Ignores_FieldsThatAreStillNull() => Rule.Verify(Net("private Tensor cache; private Tensor other = null; Net() : base(\"n\") { RegisterComponents(); } void Remember(Tensor x) { cache = x; }"));

    [Fact]
    public Task Ignores_ParametersAndStatics() => Rule.Verify(Net("private Tensor p = Parameter(torch.ones(3)); private Parameter q = Parameter(torch.ones(3)); private static Tensor s = torch.ones(3); Net() : base(\"n\") { RegisterComponents(); }"));

    [Fact]
    public Task Ignores_ClassesThatRegisterByHand() => Rule.Verify(Net("private Tensor mask = torch.ones(3); Net() : base(\"n\") { register_buffer(\"mask\", mask); }"));

    [Fact]
    public Task Ignores_FieldsThatAreSetAfterRegistration() => Rule.Verify(Net("private Tensor cache; Net(long n) : base(\"n\") { RegisterComponents(); cache = torch.zeros(n, 4); }"));
}
