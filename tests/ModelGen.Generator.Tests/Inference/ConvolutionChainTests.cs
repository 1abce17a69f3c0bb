using System.Collections.Immutable;
using Microsoft.CodeAnalysis;

namespace ModelGen.Generator.Tests;

/// <summary>Which convolutions of inference are joined, so that what is between them stays in the caches.</summary>
public sealed class ConvolutionChainTests
{
    [Fact]
    public void AnInvertedResidualOfALargeImage_IsOneCall()
    {
        string code = Inference(56, "Project(Deep(Expand(x).relu6()).relu6()) + x");
        Assert.Contains("Convolution<V>.Chain(", code, StringComparison.Ordinal);
        Assert.Equal(3, Count(code, "ConvolutionStage.Of("));
        Assert.DoesNotContain("Convolution<V>.Forward(", code, StringComparison.Ordinal);
    }

    [Fact]
    public void ADepthwiseConvolutionWhoseResultIsReadTwice_EndsTheChain()
    {
        string code = Inference(56, "Project(Scaled(Deep(Expand(x).relu6())))");
        Assert.Equal(2, Count(code, "ConvolutionStage.Of("));
        Assert.Equal(1, Count(code, "Convolution<V>.Forward("));
    }

    [Theory]
    [InlineData(14, "Project(Deep(Expand(x).relu6()).relu6()) + x")]
    [InlineData(56, "Project(Twice(Expand(x)))")]
    public void SmallImagesAndImagesThatAreReadTwice_StayApart(int size, string body)
    {
        string code = Inference(size, body);
        Assert.DoesNotContain("Chain", code, StringComparison.Ordinal);
        Assert.Equal(3, Count(code, "Convolution<V>.Forward("));
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;

    private static string Inference(int size, string body)
    {
        string source = $$"""
            [Model]
            public partial class Net() : Module<Tensor, Tensor>("net")
            {
                private readonly Module<Tensor, Tensor> Expand = Conv2d(24, 144, 1);
                private readonly Module<Tensor, Tensor> Deep = Conv2d(144, 144, 3, padding: 1, groups: 144);
                private readonly Module<Tensor, Tensor> Project = Conv2d(144, 24, 1);

                public override Tensor forward([Shape("N", 24, {{size}}, {{size}})] Tensor x) => {{body}};

                private Tensor Scaled(Tensor y) => y * y.mean([2L, 3L], keepdim: true);

                private Tensor Twice(Tensor y) => Deep(y) + y;
            }
            """.Replace("Conv2d(", "torch.nn.Conv2d(", StringComparison.Ordinal).Replace("Expand(x)", "Expand.call(x)", StringComparison.Ordinal)
            .Replace("Deep(", "Deep.call(", StringComparison.Ordinal).Replace("Project(", "Project.call(", StringComparison.Ordinal);
        GeneratorRun.Driver().RunGeneratorsAndUpdateCompilation(Trial.Compile(source), out Compilation output, out ImmutableArray<Diagnostic> diagnostics);
        Assert.Empty(diagnostics.Where(static diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning));
        Assert.Empty(output.GetDiagnostics().Where(static diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
        return Assert.Single(output.SyntaxTrees, static tree => tree.FilePath.EndsWith("Net.Inference.g.cs", StringComparison.Ordinal)).ToString();
    }
}
