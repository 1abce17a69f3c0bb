using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2020_BiasBeforeBatchNorm,
    ModelGen.CodeFixes.Rules.Performance.MG2020_BiasBeforeBatchNormFix>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2020_BiasBeforeBatchNormTests
{
    [Fact]
    public Task Reports_Arguments() => Rule.Verify("""
        class C { object M() => Sequential([|Conv2d(3, 8, 3)|], BatchNorm2d(8), ReLU(), [|Linear(8, 4)|], BatchNorm1d(4)); }
        """);

    [Fact]
    public Task Reports_NamedLayers() => Rule.Verify("""
        class C { object M() => Sequential(("conv", [|Conv1d(3, 8, 3, padding: 1)|]), ("norm", BatchNorm1d(8))); }
        """);

    [Fact]
    public Task Reports_List() => Rule.Verify("""
        class C
        {
            void M()
            {
                var layers = new List<(string, Module<Tensor, Tensor>)>();
                for (int i = 0; i < 4; i++)
                {
                    layers.Add(($"conv{i}", [|ConvTranspose2d(3, 8, 3)|]));
                    layers.Add(($"norm{i}", BatchNorm2d(8)));
                }
            }
        }
        """);

    [Fact]
    public Task Ignores_BiasMentioned() => Rule.Verify("""
        class C { object M() => Sequential(Conv2d(3, 8, 3, bias: false), BatchNorm2d(8), Linear(8, 4, hasBias: true), BatchNorm1d(4)); }
        """);

    [Fact]
    public Task Ignores_SomethingBetween() => Rule.Verify("""
        class C { object M() => Sequential(Conv2d(3, 8, 3), ReLU(), BatchNorm2d(8), Conv2d(8, 8, 3)); }
        """);

    [Fact]
    public Task Ignores_OtherListsAndNorms() => Rule.Verify("""
        class C
        {
            void M(List<Module<Tensor, Tensor>> a, List<Module<Tensor, Tensor>> b)
            {
                a.Add(Conv2d(3, 8, 3));
                b.Add(BatchNorm2d(8));
                a.Add(Conv2d(3, 8, 3));
                a.Add(GroupNorm(2, 8));
            }
        }
        """);

    [Fact]
    public Task Fixes_WithoutBias() => Rule.VerifyFix(
        """
        class C { object M() => Sequential([|Conv2d(3, 8, 3)|], BatchNorm2d(8)); }
        """,
        """
        class C { object M() => Sequential(Conv2d(3, 8, 3, bias: false), BatchNorm2d(8)); }
        """);

    [Fact]
    public Task FixesAll_ConvolutionAndLinear() => Rule.VerifyFix(
        """
        class C { object M() => Sequential(("a", [|Conv2d(3, 8, 3, padding: 1)|]), ("b", BatchNorm2d(8)), ("c", [|Linear(8, 4)|]), ("d", BatchNorm1d(4))); }
        """,
        """
        class C { object M() => Sequential(("a", Conv2d(3, 8, 3, padding: 1, bias: false)), ("b", BatchNorm2d(8)), ("c", Linear(8, 4, hasBias: false)), ("d", BatchNorm1d(4))); }
        """);
}
