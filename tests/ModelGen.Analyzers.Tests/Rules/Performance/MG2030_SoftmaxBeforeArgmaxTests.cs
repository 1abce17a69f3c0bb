using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2030_SoftmaxBeforeArgmax,
    ModelGen.CodeFixes.Rules.Performance.MG2030_SoftmaxBeforeArgmaxFix>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2030_SoftmaxBeforeArgmaxTests
{
    [Fact]
    public Task Reports_Functional() => Rule.Verify("""
        class C { Tensor M(Tensor x) => [|functional.softmax(x, 1)|].argmax(1); }
        """);

    [Fact]
    public Task Reports_Static() => Rule.Verify("""
        class C { Tensor M(Tensor x) => torch.argmax([|functional.log_softmax(x, -1)|], -1); }
        """);

    [Fact]
    public Task Reports_Sigmoid() => Rule.Verify("""
        class C { Tensor M(Tensor x) => [|x.sigmoid()|].argmax(1); }
        """);

    [Fact]
    public Task Ignores_OtherDimensions() => Rule.Verify("""
        class C { Tensor M(Tensor x, int d) => x.softmax(0).argmax(1) + x.softmax(d).argmax(d) + x.softmax(1).argmax(); }
        """);

    [Fact]
    public Task Ignores_Scores() => Rule.Verify("""
        class C { Tensor M(Tensor x) => x.argmax(1) + x.softmax(1).max(1).values; }
        """);

    [Fact]
    public Task Ignores_ProbabilitiesThatAreKept() => Rule.Verify("""
        class C
        {
            (Tensor, Tensor) M(Tensor x)
            {
                var p = x.softmax(1);
                return (p, p.argmax(1));
            }
        }
        """);

    [Fact]
    public Task Fixes_ByRemovingTheActivation() => Rule.VerifyFix(
        """
        class C { Tensor M(Linear model, Tensor x) => [|functional.softmax(model.forward(x), 1)|].argmax(1); }
        """,
        """
        class C { Tensor M(Linear model, Tensor x) => model.forward(x).argmax(1); }
        """);

    [Fact]
    public Task FixesAll_Several() => Rule.VerifyFix(
        """
        class C { Tensor M(Tensor x) => [|(x + 1).softmax(1)|].argmax(1) + torch.argmax([|torch.sigmoid(x * 2)|], 1) + [|functional.softmax(x * 2, 1)|].argmax(1); }
        """,
        """
        class C { Tensor M(Tensor x) => (x + 1).argmax(1) + torch.argmax((x * 2), 1) + (x * 2).argmax(1); }
        """);
}
