using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2009_GradientsFilledWithZeros,
    ModelGen.CodeFixes.Rules.Performance.MG2009_GradientsFilledWithZerosFix>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2009_GradientsFilledWithZerosTests
{
    [Fact]
    public Task Reports_NamedArgument() => Rule.Verify("""
        class C { void M(Linear model) => [|model.zero_grad(set_to_none: false)|]; }
        """);

    [Fact]
    public Task Reports_Positional() => Rule.Verify("""
        class C { void M(Module<Tensor, Tensor> model) { [|model.zero_grad(false)|]; } }
        """);

    [Fact]
    public Task Reports_OwnModule() => Rule.Verify("""
        class Net : Module<Tensor, Tensor>
        {
            public Net() : base("net") { }
            public override Tensor forward(Tensor x) => x;
            public void Clear() { [|zero_grad(false)|]; }
        }
        """);

    [Fact]
    public Task Ignores_Default() => Rule.Verify("""
        class C { void M(Linear model) => model.zero_grad(); }
        """);

    [Fact]
    public Task Ignores_TrueAndVariables() => Rule.Verify("""
        class C { void M(Linear model, bool drop) { model.zero_grad(true); model.zero_grad(drop); } }
        """);

    [Fact]
    public Task Ignores_Optimizers() => Rule.Verify("""
        class C { void M(torch.optim.Optimizer optimizer) => optimizer.zero_grad(); }
        """);

    [Fact]
    public Task Fixes_ByRemovingTheArgument() => Rule.VerifyFix(
        """
        class C { void M(Linear model) => [|model.zero_grad(set_to_none: false)|]; }
        """,
        """
        class C { void M(Linear model) => model.zero_grad(); }
        """);

    [Fact]
    public Task FixesAll_Several() => Rule.VerifyFix(
        """
        class C { void M(Linear a, Linear b) { [|a.zero_grad(false)|]; [|b.zero_grad(set_to_none: false)|]; } }
        """,
        """
        class C { void M(Linear a, Linear b) { a.zero_grad(); b.zero_grad(); } }
        """);
}
