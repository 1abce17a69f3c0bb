namespace ModelGen.Onnx.Tests.Quantization;

public sealed class NarrowConvolutionTests
{
    /// <summary>A convolution of an image, ReLU, and a second convolution that keeps the result an integer inside.</summary>
    private static OnnxModel Stem(int channels, int size, int outputs, int kernel, int stride, int[] pads, int batch = 1)
    {
        var g = new OnnxGraphBuilder("stem");
        g.Input("x", OnnxType.Float, [batch, channels, size, size]);
        int rows = ((size + pads[0] + pads[2] - kernel) / stride) + 1;
        int columns = ((size + pads[1] + pads[3] - kernel) / stride) + 1;
        g.Initializer<float>("w", [outputs, channels, kernel, kernel], Graphs.Random(outputs * channels * kernel * kernel, 1));
        g.Initializer<float>("b", [outputs], Graphs.Random(outputs, 2));
        g.Node("Conv", "/stem", ["x", "w", "b"], [("a", OnnxType.Float, [batch, outputs, rows, columns])],
            OnnxAttribute.Ints("kernel_shape", kernel, kernel), OnnxAttribute.Ints("strides", stride, stride), OnnxAttribute.Ints("pads", [.. pads.Select(static pad => (long)pad)]));
        g.Node("Relu", "/relu", ["a"], [("c", OnnxType.Float, [batch, outputs, rows, columns])]);
        g.Initializer<float>("v", [4, outputs, 1, 1], Graphs.Random(4 * outputs, 3));
        g.Node("Conv", "/second", ["c", "v"], [("y", OnnxType.Float, [batch, 4, rows, columns])], OnnxAttribute.Ints("kernel_shape", 1, 1));
        g.Output("y", OnnxType.Float, [batch, 4, rows, columns]);
        return g.Build();
    }

    private static (OnnxModel Plain, OnnxModel Folded) Both(OnnxModel model)
    {
        IReadOnlyDictionary<string, OnnxTensor>[] samples = [.. Graphs.Samples(model, 3)];
        return (Quantizer.QuantizeStatic(model, samples, new() { FoldImageColumns = false }).Model, Quantizer.QuantizeStatic(model, samples).Model);
    }

    private static long Channels(OnnxModel quantized) =>
        quantized.Proto.Graph.Initializer.Single(static tensor => tensor.Name == "/stem/weight_quantized").Dims[1];

    [Theory]
    [InlineData(3, 32, 32, 7, 2, new[] { 3, 3, 3, 3 }, 8)]
    [InlineData(3, 16, 16, 3, 2, new[] { 1, 1, 1, 1 }, 8)]
    [InlineData(3, 16, 16, 3, 2, new[] { 0, 0, 1, 1 }, 8)]
    [InlineData(3, 17, 16, 3, 2, new[] { 1, 1, 1, 1 }, 4)]
    [InlineData(3, 16, 16, 3, 1, new[] { 1, 1, 1, 1 }, 4)]
    [InlineData(3, 16, 32, 4, 4, new[] { 0, 0, 0, 0 }, 12)]
    [InlineData(1, 16, 16, 5, 2, new[] { 2, 2, 2, 2 }, 4)]
    [InlineData(1, 8, 16, 3, 1, new[] { 0, 0, 0, 0 }, 4)]
    [InlineData(2, 18, 16, 5, 3, new[] { 1, 1, 1, 1 }, 12)]
    public void FoldedColumns_GiveTheSameIntegers(int channels, int size, int outputs, int kernel, int stride, int[] pads, long wanted)
    {
        OnnxModel model = Stem(channels, size, outputs, kernel, stride, pads, batch: 2);
        (OnnxModel plain, OnnxModel folded) = Both(model);
        Assert.Equal(channels, Channels(plain));
        Assert.Equal(wanted, Channels(folded));
        using var first = new OnnxRunner(plain);
        using var second = new OnnxRunner(folded);
        foreach (IReadOnlyDictionary<string, OnnxTensor> sample in Graphs.Samples(model, 3, seed: 500))
        {
            Assert.Equal(first.Run(sample)["y"].AsSpan<float>().ToArray(), second.Run(sample)["y"].AsSpan<float>().ToArray());
        }

        IntegerNodeCheck check = IntegerNodeCheck.Inspect(folded);
        Assert.True(check.FloatNodes.Count == 0, check.ToString());
    }

    [Fact]
    public void WhereNothingIsGained_TheConvolutionStays()
    {
        Assert.Equal(4, Channels(Both(Stem(4, 16, 16, 3, 2, [1, 1, 1, 1])).Folded));
        Assert.Equal(3, Channels(Both(Stem(3, 16, 8, 3, 2, [1, 1, 1, 1])).Folded));
        OnnxModel signed = Stem(3, 16, 16, 3, 2, [1, 1, 1, 1]);
        Assert.Equal(3, Channels(Quantizer.QuantizeStatic(signed, Graphs.Samples(signed, 3), new() { ActivationType = OnnxType.Int8 }).Model));
    }

    [Fact]
    public void AnImageThatOthersRead_Stays()
    {
        var g = new OnnxGraphBuilder("two");
        g.Input("x", OnnxType.Float, [1, 3, 8, 8]);
        Graphs.Conv(g, "stem", "x", "a", 3, 16, 8, 8);
        Graphs.Conv(g, "side", "x", "b", 3, 16, 8, 8);
        g.Node("Add", "/add", ["a", "b"], [("y", OnnxType.Float, [1, 16, 8, 8])]);
        g.Output("y", OnnxType.Float, [1, 16, 8, 8]);
        Assert.Equal(3, Channels(Both(g.Build()).Folded));
    }
}
