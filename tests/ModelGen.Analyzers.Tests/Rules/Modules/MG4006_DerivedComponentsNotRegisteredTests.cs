using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Modules.MG4006_DerivedComponentsNotRegistered,
    ModelGen.CodeFixes.Rules.Modules.MG4006_DerivedComponentsNotRegisteredFix>;

namespace ModelGen.Analyzers.Tests.Rules.Modules;

public sealed class MG4006_DerivedComponentsNotRegisteredTests
{
    private static string Classes(string derived, string constructor = "body = Linear(2, 2); RegisterComponents();") => $$"""
        class Encoder : Module<Tensor, Tensor>
        {
            protected Linear body;
            public Encoder() : base("e") { {{constructor}} }
            public override Tensor forward(Tensor x) => body.forward(x);
        }

        class Net : Encoder
        {
            {{derived}}
        }
        """;

    [Fact]
    public Task Reports_ASecondRegistration() => Rule.Verify(Classes("private Linear head; public Net() { [|head = Linear(2, 2)|]; RegisterComponents(); }"));

    [Fact]
    public Task Reports_NoSecondRegistration() => Rule.Verify(Classes("private Linear head; private Parameter scale; public Net() : base() { [|head = Linear(2, 2)|]; [|scale = Parameter(torch.ones(2))|]; }"));

    [Fact]
    public Task Reports_AGrandchild() => Rule.Verify(Classes("public Net() { }") + """

        class Deep : Net
        {
            private readonly Linear head;
            public Deep() { [|this.head = Linear(2, 2)|]; }
        }
        """);

    [Fact]
    public Task Ignores_FieldInitializers() => Rule.Verify(Classes("private Linear head = Linear(2, 2);"));

    [Fact]
    public Task Ignores_RegistrationByHand() => Rule.Verify(Classes("private Linear head; public Net() { head = Linear(2, 2); register_module(\"head\", head); }"));

    [Fact]
    public Task Ignores_BasesThatDoNotRegister() => Rule.Verify(Classes("private Linear head; public Net() { head = Linear(2, 2); RegisterComponents(); }", "body = Linear(2, 2);"));

    [Fact]
    public Task Ignores_BasesThatRegisterOnCondition() => Rule.Verify(Classes("private Linear head; public Net() { head = Linear(2, 2); RegisterComponents(); }", "body = Linear(2, 2); if (GetType() == typeof(Encoder)) { RegisterComponents(); }"));

    [Fact]
    public Task Ignores_FieldsThatAreNoComponents() => Rule.Verify(Classes("private int size; private Linear none; public Net() { size = 3; none = null; }"));

    [Fact]
    public Task Fixes_ByName() => Rule.VerifyFix(
        Classes("private Linear head; public Net() { [|head = Linear(2, 2)|]; }"),
        Classes("private Linear head; public Net() { head = Linear(2, 2); register_module(nameof(head), head); }"));

    [Fact]
    public Task FixesAll_Components() => Rule.VerifyFix(
        Classes("private Linear a; private Linear c; public Net() { [|a = Linear(2, 2)|]; [|c = Linear(3, 3)|]; }") + "class Other : Encoder { Parameter b; public Other() { [|b = Parameter(torch.ones(2))|]; } }",
        Classes("private Linear a; private Linear c; public Net() { a = Linear(2, 2); register_module(nameof(a), a); c = Linear(3, 3); register_module(nameof(c), c); }") + "class Other : Encoder { Parameter b; public Other() { b = Parameter(torch.ones(2)); register_parameter(nameof(b), b); } }");
}
