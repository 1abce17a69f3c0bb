using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Memory.MG1019_CloneBeforeDetach,
    ModelGen.CodeFixes.Rules.Memory.MG1019_CloneBeforeDetachFix>;

namespace ModelGen.Analyzers.Tests.Rules.Memory;

public sealed class MG1019_CloneBeforeDetachTests
{
    [Fact]
    public Task Reports_Local() => Rule.Verify("""
        class C { Tensor M(Tensor x) => [|x.clone().detach()|]; }
        """);

    [Fact]
    public Task Reports_Parameter() => Rule.Verify("""
        class C { Tensor M(Linear layer) { return [|layer.weight.clone().detach()|].cpu(); } }
        """);

    [Fact]
    public Task Reports_Argument() => Rule.Verify("""
        class C { void M(List<Tensor> all, Tensor x) => all.Add([|(x + 1).clone().detach()|]); }
        """);

    [Fact]
    public Task Ignores_OtherOrder() => Rule.Verify("""
        class C { Tensor M(Tensor x) => x.detach().clone(); }
        """);

    [Fact]
    public Task Ignores_SomethingBetween() => Rule.Verify("""
        class C { Tensor M(Tensor x) => x.clone().relu().detach(); }
        """);

    [Fact]
    public Task Ignores_OtherTypes() => Rule.Verify("""
        class D { public D clone() => this; public D detach() => this; }
        class C { D M(D x) => x.clone().detach(); }
        """);

    [Fact]
    public Task Fixes_BySwapping() => Rule.VerifyFix(
        """
        class C { Tensor M(Tensor x) => [|x.clone().detach()|].cpu(); }
        """,
        """
        class C { Tensor M(Tensor x) => x.detach().clone().cpu(); }
        """);

    [Fact]
    public Task FixesAll_Several() => Rule.VerifyFix(
        """
        class C
        {
            Tensor M(Tensor x) => [|x.clone().detach()|];
            Tensor N(Tensor x) => [|(x + 1).clone().detach()|];
        }
        """,
        """
        class C
        {
            Tensor M(Tensor x) => x.detach().clone();
            Tensor N(Tensor x) => (x + 1).detach().clone();
        }
        """);
}
