using Rule = ModelGen.Analyzers.Tests.RuleVerifier<
    ModelGen.Analyzers.Rules.Performance.MG2025_HostReduction,
    Microsoft.CodeAnalysis.Testing.EmptyCodeFixProvider>;

namespace ModelGen.Analyzers.Tests.Rules.Performance;

public sealed class MG2025_HostReductionTests
{
    [Fact]
    public Task Reports_Sum() => Rule.Verify("""
        class C { float M(Tensor x) => [|x.data<float>().Sum()|]; }
        """);

    [Fact]
    public Task Reports_Array() => Rule.Verify("""
        class C { double M(Tensor x) => [|x.data<double>().ToArray().Average()|]; }
        """);

    [Fact]
    public Task Reports_Static() => Rule.Verify("""
        class C { long M(Tensor x) => [|Enumerable.Max(x.data<long>())|]; }
        """);

    [Fact]
    public Task Ignores_TensorOperations() => Rule.Verify("""
        class C { float M(Tensor x) => x.sum().item<float>() + x.max().item<float>(); }
        """);

    [Fact]
    public Task Ignores_ArraysThatAreKept() => Rule.Verify("""
        class C
        {
            float M(Tensor x)
            {
                var values = x.data<float>().ToArray();
                return values.Sum() / values.Length;
            }
        }
        """);

    [Fact]
    public Task Ignores_Selectors() => Rule.Verify("""
        class C { double M(Tensor x, float[] y) => x.data<float>().Sum(v => v * v) + y.Sum() + x.shape.Max() + x.data<float>().Where(v => v > 0).Sum(); }
        """);
}
