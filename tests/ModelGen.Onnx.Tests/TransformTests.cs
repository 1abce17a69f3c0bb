using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Tests;

/// <summary>Pre- and post-processing, precision and open sizes on models by hand.</summary>
public sealed class TransformTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Pixels_AreNormalisedInTheGraph(bool channelsLast)
    {
        OnnxModel model = Graphs.Cnn();
        double[] mean = [0.4, 0.5, 0.6];
        double[] deviation = [0.2, 0.25, 0.3];
        OnnxModel raw = OnnxBoundary.TakePixels(model, new OnnxPixels { Mean = mean, StandardDeviation = deviation, ChannelsLast = channelsLast });
        Assert.Equal("image=" + (channelsLast ? "NHWC" : "NCHW"), raw.Metadata[OnnxBoundary.PixelsKey]);
        var random = new Random(4);
        byte[] pixels = new byte[192];
        random.NextBytes(pixels);
        float[] normalized = new float[192];
        for (int c = 0; c < 3; c++)
        {
            for (int i = 0; i < 64; i++)
            {
                byte pixel = channelsLast ? pixels[(i * 3) + c] : pixels[(c * 64) + i];
                normalized[(c * 64) + i] = (float)(((pixel / 255.0) - mean[c]) / deviation[c]);
            }
        }

        float[] expected = Run(model, "image", OnnxTensor.From<float>(normalized, 1, 3, 8, 8)).AsSpan<float>().ToArray();
        float[] actual = Run(raw, "image", channelsLast ? OnnxTensor.From<byte>(pixels, 1, 8, 8, 3) : OnnxTensor.From<byte>(pixels, 1, 3, 8, 8)).AsSpan<float>().ToArray();
        Assert.True(expected.Zip(actual, static (a, b) => MathF.Abs(a - b)).Max() < 1e-4f);
        Assert.True(OnnxOptimizer.Optimize(raw).NodesAfter <= raw.Proto.Graph.Node.Count);
    }

    [Fact]
    public void Pixels_NeedOneImageAndFittingChannels()
    {
        Assert.Contains("3 channels, but 2 means", Assert.Throws<ArgumentException>(() => OnnxBoundary.TakePixels(Graphs.Cnn(), new OnnxPixels { Mean = [0.1, 0.2] })).Message);
        Assert.Contains("positive standard deviations", Assert.Throws<ArgumentException>(() => OnnxBoundary.TakePixels(Graphs.Cnn(), new OnnxPixels { StandardDeviation = [0] })).Message);
        Assert.Contains("the model has 0", Assert.Throws<ArgumentException>(() => OnnxBoundary.TakePixels(Graphs.FeedForward(), new OnnxPixels())).Message);
    }

    [Fact]
    public void Outputs_BecomeProbabilitiesOrTheBestClass()
    {
        OnnxModel model = Graphs.Cnn();
        OnnxTensor image = OnnxTensor.From<float>(Graphs.Random(192, 3), 1, 3, 8, 8);
        float[] scores = Run(model, "image", image).AsSpan<float>().ToArray();
        float[] shares = Run(OnnxBoundary.Give(model, OnnxOutputForm.Softmax), "image", image).AsSpan<float>().ToArray();
        OnnxTensor best = Run(OnnxBoundary.Give(model, OnnxOutputForm.ArgMax), "image", image);
        double total = scores.Sum(static score => Math.Exp(score));
        Assert.All(scores.Index(), pair => Assert.Equal(Math.Exp(pair.Item) / total, shares[pair.Index], 1e-5));
        Assert.Equal([1L], best.Shape);
        Assert.Equal(Array.IndexOf(scores, scores.Max()), best.AsSpan<long>()[0]);
        Assert.Same(model, OnnxBoundary.Give(model, OnnxOutputForm.AsIs));
    }

    [Fact]
    public void Float16_HalvesTheConstantsAndStaysClose()
    {
        foreach (OnnxModel model in (OnnxModel[])[Graphs.Cnn(), Graphs.Residual(), Graphs.FeedForward()])
        {
            OnnxModel half = OnnxPrecision.Convert(model, OnnxType.Float16);
            Assert.All(half.Proto.Graph.Initializer, static tensor => Assert.NotEqual((int)OnnxType.Float, tensor.DataType));
            using var full = new OnnxRunner(model);
            using var small = new OnnxRunner(half);
            foreach (var sample in Graphs.Samples(model, 2))
            {
                float[] expected = full.Run(sample).Values.First().AsSpan<float>().ToArray();
                float[] actual = small.Run(sample).Values.First().AsSpan<float>().ToArray();
                Assert.True(expected.Zip(actual, static (a, b) => MathF.Abs(a - b)).Max() < 5e-3f * expected.Max(MathF.Abs) + 1e-3f);
            }
        }
    }

    [Fact]
    public void BFloat16_RoundsToNearestEven()
    {
        var g = new OnnxGraphBuilder("round", 23, 11);
        float[] values = [1, 1.00390625f, 1.01171875f, -3.14159265f, float.NaN, float.PositiveInfinity, 1e-40f, 3.4e38f];
        g.Input("x", OnnxType.Float, [values.Length]);
        g.Initializer<float>("w", [values.Length], values);
        g.Node("Add", "/Add", ["x", "w"], [("y", OnnxType.Float, [values.Length])]);
        g.Output("y", OnnxType.Float, [values.Length]);
        TensorProto tensor = OnnxPrecision.Convert(g.Build(), OnnxType.BFloat16).Proto.Graph.Initializer[0];
        Assert.Equal((int)OnnxType.BFloat16, tensor.DataType);
        ushort[] bits = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ushort>(tensor.RawData.Span).ToArray();

        // 1 + 2^-8 lies between 1 and 1 + 2^-7 and goes to the even one; 1 + 3 * 2^-8 goes up.
        Assert.Equal([0x3f80, 0x3f80, 0x3f82, 0xc049, 0xffc0, 0x7f80, 0x0001, 0x7f80], bits.Select(static value => (int)value));
        Assert.Contains("operator set 22", Assert.Throws<ArgumentException>(() => OnnxPrecision.Convert(Graphs.Cnn(), OnnxType.BFloat16)).Message);
    }

    [Fact]
    public void Float16_RefusesWhatItCannotHold_AndKeepsMasks()
    {
        OnnxModel model = Graphs.Cnn();
        Change(model, 1e6f);
        Assert.Contains("beyond float16", Assert.Throws<NotSupportedException>(() => OnnxPrecision.Convert(model, OnnxType.Float16)).Message);
        Change(model, float.MinValue);
        OnnxModel half = OnnxPrecision.Convert(model, OnnxType.Float16);
        Assert.Equal((float)Half.MinValue, (float)System.Runtime.InteropServices.MemoryMarshal.Cast<byte, Half>(half.Proto.Graph.Initializer[0].RawData.Span)[0]);

        static void Change(OnnxModel model, float value)
        {
            float[] weights = TensorBytes.Floats(model.Proto.Graph.Initializer[0]);
            weights[0] = value;
            model.Proto.Graph.Initializer[0].RawData = TensorBytes.Tensor<float>("", [], weights).RawData;
        }
    }

    [Fact]
    public void OpenSizes_ReplaceShapesAndExpandRepeatedConstants()
    {
        OnnxModel model = OnnxOpenSize.Join(Build(5), 5, Build(7), 7, "N");
        using var runner = new OnnxRunner(model);
        foreach (int n in (int[])[1, 4, 9])
        {
            float[] x = Graphs.Random(n * 6, n);
            OnnxTensor input = OnnxTensor.From<float>(x, n, 6);
            using var exact = new OnnxRunner(Build(n));
            Assert.Equal(exact.Run(new Dictionary<string, OnnxTensor> { ["x"] = input })["y"].AsSpan<float>().ToArray(), runner.Run(new Dictionary<string, OnnxTensor> { ["x"] = input })["y"].AsSpan<float>().ToArray());
        }

        static OnnxModel Build(int n)
        {
            var g = new OnnxGraphBuilder("open");
            g.Input("x", OnnxType.Float, [n, 6]);
            g.Initializer<long>("split", [3], [n, 2, 3]);
            g.Initializer<long>("wide", [3], [n, 2, 3]);
            g.Initializer<long>("flat", [1], [6 * n]);
            g.Initializer<float>("row", [1, 2, 3], [1, 2, 3, 4, 5, 6]);
            g.Initializer<float>("state", [n, 6], [.. Enumerable.Range(0, n).SelectMany(static _ => Enumerable.Range(0, 6).Select(static i => (float)i))]);
            g.Node("Add", "/Add", ["x", "state"], [("a", OnnxType.Float, [n, 6])]);
            g.Node("Reshape", "/Reshape", ["a", "split"], [("b", OnnxType.Float, [n, 2, 3])]);
            g.Node("Expand", "/Expand", ["row", "wide"], [("c", OnnxType.Float, [n, 2, 3])]);
            g.Node("Mul", "/Mul", ["b", "c"], [("d", OnnxType.Float, [n, 2, 3])]);
            g.Node("Reshape", "/Flat", ["d", "flat"], [("e", OnnxType.Float, [6 * n])]);
            g.Initializer<long>("end", [1], [n]);
            g.Initializer<long>("start", [1], [0]);
            g.Node("Slice", "/Slice", ["e", "start", "end"], [("y", OnnxType.Float, [n])]);
            g.Output("y", OnnxType.Float, [n]);
            return g.Build();
        }
    }

    [Fact]
    public void OpenSizes_RefuseWhatIsNotAMultiple()
    {
        static OnnxModel Build(int n)
        {
            var g = new OnnxGraphBuilder("open");
            g.Input("x", OnnxType.Float, [n, 2]);
            g.Initializer<float>("ramp", [n, 1], [.. Enumerable.Range(0, n).Select(static i => (float)i)]);
            g.Node("Add", "/Add", ["x", "ramp"], [("y", OnnxType.Float, [n, 2])]);
            g.Output("y", OnnxType.Float, [n, 2]);
            return g.Build();
        }

        string message = Assert.Throws<NotSupportedException>(() => OnnxOpenSize.Join(Build(5), 5, Build(7), 7, "N")).Message;
        Assert.Contains("'ramp'", message);
        Assert.Contains("BatchSize", message);
    }

    private static OnnxTensor Run(OnnxModel model, string input, OnnxTensor value)
    {
        using var runner = new OnnxRunner(model);
        return runner.Run(new Dictionary<string, OnnxTensor> { [input] = value }).Values.First();
    }
}
