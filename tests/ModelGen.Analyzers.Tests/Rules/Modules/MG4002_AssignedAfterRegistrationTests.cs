using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Modules.MG4002_AssignedAfterRegistration,
    ModelGen.CodeFixes.Rules.Modules.MG4002_AssignedAfterRegistrationFix>;

namespace ModelGen.Analyzers.Tests.Rules.Modules;

public sealed class MG4002_AssignedAfterRegistrationTests
{
    /// <summary>A module class with the given constructor body.</summary>
    private static string Net(string body, string members = "") => $$"""
        class Net : Module<Tensor, Tensor>
        {
            private Linear _fc1 = null;
            private Linear _fc2 = null;
            private Parameter _scale = null;
            private int _width;
            {{members}}
            public Net(Device device) : base("net")
            {
                {{body.ReplaceLineEndings("\n").Replace("\n", "\n        ")}}
            }

            public override Tensor forward(Tensor x) => x;
        }
        """;

    [Fact]
    public Task Reports_LayerAssignedAfterRegistration() => Rule.Verify(Net("""
        _fc1 = Linear(2, 2);
        RegisterComponents();
        [|_fc2 = Linear(2, 2)|];
        """));

    [Fact]
    public Task Reports_ParameterAndAssignmentInABranch() => Rule.Verify(Net("""
        RegisterComponents();
        [|this._scale = Parameter(torch.ones(1))|];
        if (_width > 0) { [|_fc1 = Linear(2, 2)|]; }
        """));

    [Fact]
    public Task Reports_LayerThatIsReplaced() => Rule.Verify(Net("""
        _fc1 = Linear(2, 2);
        RegisterComponents();
        [|_fc1 = Linear(2, 3)|];
        """));

    [Fact]
    public Task Reports_AnAutoProperty() => Rule.Verify("""
        class Net : Module<Tensor, Tensor>
        {
            public Linear Head { get; }
            public Net() : base("n") { RegisterComponents(); [|Head = Linear(2, 2)|]; }
            public override Tensor forward(Tensor x) => Head.forward(x);
        }
        """);

    [Fact]
    public Task Ignores_AssignmentsBeforeRegistration() => Rule.Verify(Net("""
        _fc1 = Linear(2, 2);
        _scale = Parameter(torch.ones(1));
        RegisterComponents();
        _width = 2;
        """));

    [Fact]
    public Task Ignores_MovesAndNull() => Rule.Verify(Net("""
        _fc1 = Linear(2, 2);
        RegisterComponents();
        _fc1 = _fc1.to(device);
        _fc2 = null;
        """));

    [Fact]
    public Task Ignores_ClassThatAlsoRegistersByHand() => Rule.Verify(Net("""
        RegisterComponents();
        _fc1 = Linear(2, 2);
        register_module("fc1", _fc1);
        """));

    [Fact]
    public Task Ignores_LambdasOtherMethodsAndConditionalRegistration() => Rule.Verify(Net(
        """
        Action later = () => _fc1 = Linear(2, 2);
        if (_width == 0) { RegisterComponents(); }
        _fc2 = Linear(2, 2);
        """,
        "private void Reset() { _fc1 = Linear(2, 2); }"));

    [Fact]
    public Task Fixes_ByRegisteringLast() => Rule.VerifyFix(
        Net("""
        RegisterComponents();
        [|_fc1 = Linear(2, 2)|];
        _width = 2;
        """),
        Net("""
        [|_fc1 = Linear(2, 2)|];
        _width = 2;
        RegisterComponents();
        """.Replace("[|", "").Replace("|]", "")));

    [Fact]
    public Task FixesAll_SeveralAssignments() => Rule.VerifyFix(
        Net("""
        RegisterComponents();
        [|_fc1 = Linear(2, 2)|];
        [|_fc2 = Linear(2, 2)|];
        """),
        Net("""
        _fc1 = Linear(2, 2);
        _fc2 = Linear(2, 2);
        RegisterComponents();
        """));

    [Fact]
    public Task OffersNoFix_WhenTheModuleIsUsedInBetween() => Rule.VerifyNoFix(Net("""
        RegisterComponents();
        this.to(device);
        [|_fc1 = Linear(2, 2)|];
        """));
}
