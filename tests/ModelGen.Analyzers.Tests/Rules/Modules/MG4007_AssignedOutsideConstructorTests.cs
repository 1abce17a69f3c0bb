using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Modules.MG4007_AssignedOutsideConstructor,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Modules;

public sealed class MG4007_AssignedOutsideConstructorTests
{
    private static string Net(string members) => $$"""
        class Net : Module<Tensor, Tensor>
        {
            {{members}}
            public override Tensor forward(Tensor x) => x;
        }
        """;

    [Fact]
    public Task Reports_ALazyLayer() => Rule.Verify("""
        class Net : Module<Tensor, Tensor>
        {
            private Linear fc;
            public Net() : base("n") { RegisterComponents(); }
            public override Tensor forward(Tensor x) { [|fc ??= Linear(x.size(1), 10)|]; return fc.forward(x); }
        }
        """);

    [Fact]
    public Task Reports_AReplacedLayer() => Rule.Verify(Net("private Linear fc = Linear(2, 2); public Net() : base(\"n\") { RegisterComponents(); } public void Grow() { [|this.fc = Linear(2, 5)|]; }"));

    [Fact]
    public Task Reports_APropertyAndAParameter() => Rule.Verify(Net("public Linear Head { get; private set; } private Parameter w; public Net() : base(\"n\") { RegisterComponents(); } public void Build(long n) { [|Head = Linear(n, 2)|]; [|w = new Parameter(torch.ones(n))|]; }"));

    [Fact]
    public Task Ignores_MethodsThatConstructorsCall() => Rule.Verify(Net("private Linear a; private Linear b; public Net() : base(\"n\") { Build(); RegisterComponents(); } void Build() { a = Linear(2, 2); More(); } void More() { b = Linear(2, 2); }"));

    [Fact]
    public Task Ignores_RegistrationByHand() => Rule.Verify(Net("private Linear fc; public Net() : base(\"n\") { RegisterComponents(); } public void Build() { fc = Linear(2, 2); register_module(\"fc\", fc); }"));

    [Fact]
    public Task Ignores_ClassesThatDoNotRegister() => Rule.Verify(Net("private Linear fc; public Net() : base(\"n\") { } public void Build() { fc = Linear(2, 2); RegisterComponents(); }"));

    [Fact]
    public Task Ignores_ValuesThatAreNotNew() => Rule.Verify(Net("private Linear fc; public Net() : base(\"n\") { RegisterComponents(); } public void Use(Linear other, Device d) { fc = other; fc = fc.to(d); fc = null; }"));
}
