using ModelGen.Onnx.Quantization;

namespace ModelGen.Onnx.Tests;

/// <summary>Normalisation and positions of decoders, as code writes them, become the nodes that ONNX Runtime has kernels for.</summary>
public sealed class DecoderFusionTests
{
    private const int Heads = 2;
    private const int Length = 6;
    private const int Size = 8;

    /// <summary>x * rsqrt(mean(x^2) + epsilon) * weight, then rotary positions.</summary>
    private static OnnxModel Decoder(int opset, bool reciprocal, bool square, int batch = 1, bool equalHalves = true)
    {
        var g = new OnnxGraphBuilder("decoder", opset, opset < 23 ? 10 : 11);
        long[] shape = [batch, Heads, Length, Size];
        (string, OnnxType, long[])[] Value(string name, params long[] sizes) => [(name, OnnxType.Float, sizes)];
        g.Input("x", OnnxType.Float, shape);
        g.Initializer<float>("two", [], [2]);
        g.Initializer<float>("epsilon", [], [1e-5f]);
        g.Initializer<float>("weight", [Size], Graphs.Random(Size, 1));
        g.Initializer<long>("last", [1], [-1]);
        g.Node(square ? "Mul" : "Pow", "/norm/Square", ["x", square ? "x" : "two"], Value("squared", shape));
        g.Node("ReduceMean", "/norm/ReduceMean", ["squared", "last"], Value("mean", batch, Heads, Length, 1));
        g.Node("Add", "/norm/Add", ["epsilon", "mean"], Value("sum", batch, Heads, Length, 1));
        g.Node("Sqrt", "/norm/Sqrt", ["sum"], Value("root", batch, Heads, Length, 1));
        if (reciprocal)
        {
            g.Node("Reciprocal", "/norm/Reciprocal", ["root"], Value("inverse", batch, Heads, Length, 1));
            g.Node("Mul", "/norm/Mul", ["x", "inverse"], Value("normal", shape));
        }
        else
        {
            g.Node("Div", "/norm/Div", ["x", "root"], Value("normal", shape));
        }

        g.Node("Mul", "/norm/Mul_1", ["weight", "normal"], Value("n", shape));
        float[] Table(int seed) => [.. Graphs.Random(Length * Size / 2, seed).Chunk(Size / 2).SelectMany(row => row.Concat(equalHalves ? row : row.Select(static value => -value)))];
        g.Initializer<float>("cos", [Length, Size], Table(4));
        g.Initializer<float>("sin", [Length, Size], Table(5));
        g.Initializer<long>("zero", [1], [0]);
        g.Initializer<long>("half", [1], [Size / 2]);
        g.Initializer<long>("end", [1], [long.MaxValue]);
        g.Node("Mul", "/rotate/Mul", ["n", "cos"], Value("straight", shape));
        g.Node("Slice", "/rotate/Slice", ["n", "half", "end", "last"], Value("high", batch, Heads, Length, Size / 2));
        g.Node("Neg", "/rotate/Neg", ["high"], Value("negative", batch, Heads, Length, Size / 2));
        g.Node("Slice", "/rotate/Slice_1", ["n", "zero", "half", "last"], Value("low", batch, Heads, Length, Size / 2));
        g.Node("Concat", "/rotate/Concat", ["negative", "low"], Value("turned", shape), OnnxAttribute.Int("axis", -1));
        g.Node("Mul", "/rotate/Mul_1", ["turned", "sin"], Value("crossed", shape));
        g.Node("Add", "/rotate/Add", ["straight", "crossed"], Value("y", shape));
        g.Output("y", OnnxType.Float, shape);
        return g.Build();
    }

    private static string[] Operators(OnnxModel model) => [.. model.Proto.Graph.Node.Select(static node => node.OpType)];

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void FromSet23_EachIsOneNode(bool reciprocal, bool square)
    {
        OnnxModel model = Decoder(23, reciprocal, square, batch: 3);
        OnnxModel optimized = OnnxOptimizer.Optimize(model).Model;
        Assert.Equal(["RMSNormalization", "RotaryEmbedding"], Operators(optimized));
        Assert.Equal(["/norm/RMSNormalization", "/rotate/RotaryEmbedding"], optimized.Proto.Graph.Node.Select(static node => node.Name));
        Assert.InRange(OutputNoise.Measure(model, optimized, [.. Graphs.Samples(model, 3)]), 0, 1e-12);
    }

    [Fact]
    public void BeforeSet23_TheReciprocalBecomesAQuotient()
    {
        OnnxModel model = Decoder(21, reciprocal: true, square: false);
        OnnxModel optimized = OnnxOptimizer.Optimize(model).Model;
        Assert.Contains("Div", Operators(optimized));
        Assert.DoesNotContain("Reciprocal", Operators(optimized));
        Assert.Contains("Concat", Operators(optimized));
        Assert.InRange(OutputNoise.Measure(model, optimized, [.. Graphs.Samples(model, 3)]), 0, 1e-12);

        // ONNX Runtime's own fusion takes this form, and not the one before.
        Assert.DoesNotContain("SimplifiedLayerNormalization", IntegerNodeCheck.Inspect(model).FloatNodes.Keys);
        Assert.Contains("SimplifiedLayerNormalization", IntegerNodeCheck.Inspect(optimized).FloatNodes.Keys);
    }

    [Fact]
    public void TablesWithUnequalHalves_AreLeftAlone()
    {
        OnnxModel model = Decoder(23, reciprocal: true, square: false, equalHalves: false);
        OnnxModel optimized = OnnxOptimizer.Optimize(model).Model;
        Assert.DoesNotContain("RotaryEmbedding", Operators(optimized));
        Assert.InRange(OutputNoise.Measure(model, optimized, [.. Graphs.Samples(model, 3)]), 0, 1e-12);
    }

    [Fact]
    public void AnOpenBatch_StillRotatesEverySample()
    {
        OnnxModel Optimized(int batch) => OnnxOptimizer.Optimize(Decoder(23, reciprocal: true, square: false, batch)).Model;
        OnnxModel open = OnnxOpenSize.Join(Optimized(11), 11, Optimized(13), 13, "N");
        OnnxModel model = Decoder(23, reciprocal: true, square: false, batch: 4);
        IReadOnlyDictionary<string, OnnxTensor> sample = Graphs.Samples(model, 1).First();
        using var expected = new OnnxRunner(model);
        using var actual = new OnnxRunner(open);
        Assert.All(expected.Run(sample)["y"].AsSpan<float>().ToArray().Zip(actual.Run(sample)["y"].AsSpan<float>().ToArray()), static pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
    }
}
