using ModelGen.Onnx.Quantization;

namespace ModelGen.Onnx.Tests.Quantization;

public sealed class RecoveryTests
{
    /// <summary>Expansion, depthwise convolution and projection whose channels differ in size by up to a thousand, with a skip connection around the last two.</summary>
    public static OnnxModel Uneven()
    {
        var g = new OnnxGraphBuilder("uneven");
        g.Input("x", OnnxType.Float, [1, 4, 6, 6]);
        float[] sizes = [0.01f, 0.1f, 1, 10, 0.03f, 0.3f, 3, 5];
        g.Initializer<float>("expand.weight", [8, 4, 1, 1], [.. Graphs.Random(32, 1).Select((value, index) => value * sizes[index / 4])]);
        g.Initializer<float>("expand.bias", [8], [.. Graphs.Random(8, 2).Select((value, index) => value * sizes[index])]);
        g.Node("Conv", "/expand", ["x", "expand.weight", "expand.bias"], [("a", OnnxType.Float, [1, 8, 6, 6])]);
        g.Node("Relu", "/relu1", ["a"], [("b", OnnxType.Float, [1, 8, 6, 6])]);
        g.Initializer<float>("depthwise.weight", [8, 1, 3, 3], Graphs.Random(72, 3));
        g.Node("Conv", "/depthwise", ["b", "depthwise.weight"], [("c", OnnxType.Float, [1, 8, 6, 6])], OnnxAttribute.Int("group", 8), OnnxAttribute.Ints("pads", 1, 1, 1, 1));
        g.Node("Relu", "/relu2", ["c"], [("d", OnnxType.Float, [1, 8, 6, 6])]);
        g.Initializer<float>("project.weight", [4, 8, 1, 1], [.. Graphs.Random(32, 4).Select((value, index) => value / sizes[index % 8])]);
        g.Initializer<float>("project.bias", [4], Graphs.Random(4, 5));
        g.Node("Conv", "/project", ["d", "project.weight", "project.bias"], [("e", OnnxType.Float, [1, 4, 6, 6])]);
        g.Node("Add", "/add", ["e", "x"], [("y", OnnxType.Float, [1, 4, 6, 6])]);
        g.Output("y", OnnxType.Float, [1, 4, 6, 6]);
        return g.Build();
    }

    /// <summary>The feed-forward half of a transformer whose normalisation has a few channels fifty times as large.</summary>
    private static OnnxModel Outliers()
    {
        OnnxModel model = Graphs.FeedForward();
        var gamma = model.Proto.Graph.Initializer.First(static tensor => tensor.Name == "gamma");
        float[] values = TensorBytes.Floats(gamma);
        values[3] *= 50;
        values[11] *= 50;
        gamma.RawData = TensorBytes.Tensor<float>("", [16], values).RawData;
        return model;
    }

    private static double Noise(OnnxModel model, StaticQuantizationOptions options) =>
        OutputNoise.Measure(model, Quantizer.QuantizeStatic(model, Graphs.Samples(model, 40), options).Model, Graphs.Samples(model, 20, seed: 5000));

    [Fact]
    public void Equalization_ChangesNothingButTheChannels_AndLowersNoise()
    {
        OnnxModel model = Uneven();
        var equalized = new OnnxModel(model.Proto.Clone());
        Assert.Equal(2, LayerEqualization.Apply(equalized));
        Assert.True(OutputNoise.Measure(model, equalized, Graphs.Samples(model, 10)) < 1e-10);
        var index = new GraphIndex(equalized.Proto.Graph);
        WeightMatrix expand = WeightMatrix.Of(index.Initializer("expand.weight")!, 0);
        float[] largest = [.. Enumerable.Range(0, 8).Select(row => expand.Row(row).ToArray().Max(MathF.Abs))];
        WeightMatrix depthwise = WeightMatrix.Of(index.Initializer("depthwise.weight")!, 0);
        Assert.All(Enumerable.Range(0, 8), channel => Assert.Equal(1, largest[channel] / depthwise.Row(channel).ToArray().Max(MathF.Abs), 0.1));
        double before = Noise(model, new());
        double after = Noise(model, new() { EqualizeLayers = true });
        Assert.True(after < before / 4, $"{before} became {after}");
    }

    [Fact]
    public void Smoothing_ChangesNothingButTheChannels_AndLowersNoise()
    {
        OnnxModel model = Outliers();
        var smoothed = new OnnxModel(model.Proto.Clone());
        Assert.Equal(1, ActivationSmoothing.Apply(smoothed, Graphs.Samples(model, 10), 0.5));
        Assert.True(OutputNoise.Measure(model, smoothed, Graphs.Samples(model, 10)) < 1e-10);
        double before = Noise(model, new());
        double after = Noise(model, new() { SmoothQuant = 0.5 });
        Assert.True(after < before * 0.7, $"{before} became {after}");
    }

    [Fact]
    public void BiasCorrection_TakesTheMeanErrorOff()
    {
        // Inputs of one sign make rounding errors of weights add up to a shift.
        var g = new OnnxGraphBuilder("shift");
        g.Input("x", OnnxType.Float, [4, 128]);
        Graphs.Gemm(g, "fc", "x", "y", 128, 6);
        g.Output("y", OnnxType.Float, [4, 6]);
        OnnxModel model = g.Build();
        model.Proto.Graph.ValueInfo.Clear();
        IReadOnlyDictionary<string, OnnxTensor>[] samples = [.. Graphs.Samples(model, 30).Select(static sample => new Dictionary<string, OnnxTensor>
        {
            ["x"] = OnnxTensor.From<float>([.. sample["x"].AsSpan<float>().ToArray().Select(static value => value + 1)], 4, 128),
        })];
        double[] Shift(StaticQuantizationOptions options)
        {
            using var expected = new ActivationReader(model, ["y"]);
            using var actual = new ActivationReader(Quantizer.QuantizeStatic(model, samples, options).Model, ["y"]);
            double[] sums = new double[6];
            foreach (IReadOnlyDictionary<string, OnnxTensor> sample in samples)
            {
                (float[] a, float[] b) = (expected.ReadAll(sample)["y"], actual.ReadAll(sample)["y"]);
                for (int i = 0; i < a.Length; i++)
                {
                    sums[i % 6] += (b[i] - a[i]) / (4.0 * samples.Length);
                }
            }

            return sums;
        }

        double before = Shift(new() { ReduceRange = true }).Max(Math.Abs);
        double after = Shift(new() { ReduceRange = true, CorrectBias = true }).Max(Math.Abs);
        Assert.True(after < before / 5, $"{before} became {after}");
    }

    [Theory]
    [InlineData("cnn")]
    [InlineData("ffn")]
    public void AdaptiveRounding_LowersNoise(string name)
    {
        OnnxModel model = name == "cnn" ? Graphs.Cnn() : Graphs.FeedForward();

        // Seven bits, so that the weights' share in the noise is large.
        var nearest = new StaticQuantizationOptions { ReduceRange = true, ActivationType = OnnxType.UInt16 };
        double before = Noise(model, nearest);
        double after = Noise(model, nearest with { Rounding = WeightRounding.Adaptive });
        Assert.True(after < before, $"{before} became {after}");
    }

    [Fact]
    public void InputMoments_AreThoseOfTheConvolutionsPatches()
    {
        // With all places looked at, w H w' is the sum of squares of the convolution without bias.
        var g = new OnnxGraphBuilder("conv");
        g.Input("x", OnnxType.Float, [1, 4, 5, 5]);
        g.Initializer<float>("w", [2, 2, 3, 3], Graphs.Random(36, 1));
        g.Node("Conv", "/conv", ["x", "w"], [("y", OnnxType.Float, [1, 2, 3, 3])], OnnxAttribute.Int("group", 2), OnnxAttribute.Ints("pads", 1, 1, 1, 1), OnnxAttribute.Ints("strides", 2, 2));
        g.Output("y", OnnxType.Float, [1, 2, 3, 3]);
        OnnxModel model = g.Build();
        IReadOnlyDictionary<string, OnnxTensor> sample = Graphs.Samples(model, 1).First();
        var index = new GraphIndex(model.Proto.Graph);
        IntegerProduct product = IntegerProduct.Of(model.Proto.Graph.Node[0], index);
        InputStatistics statistics = ProductQuantizer.Measure(model, index, [product], static _ => null, [sample], moments: true)["/conv"];
        using var runner = new OnnxRunner(model);
        float[] y = runner.Run(sample)["y"].AsSpan<float>().ToArray();
        WeightMatrix weights = WeightMatrix.Of(index.Initializer("w")!, 0);
        Assert.Equal(9, statistics.Count);
        for (int group = 0; group < 2; group++)
        {
            double expected = y.Skip(group * 9).Take(9).Sum(static value => (double)value * value);
            double form = 0;
            double mean = 0;
            for (int i = 0; i < 18; i++)
            {
                mean += weights.Row(group)[i] * statistics.FloatMeans[group][i];
                for (int j = 0; j < 18; j++)
                {
                    form += weights.Row(group)[i] * (double)weights.Row(group)[j] * statistics.Moments[group][(Math.Min(i, j) * 18) + Math.Max(i, j)];
                }
            }

            Assert.Equal(expected, form, 1e-3);
            Assert.Equal(y.Skip(group * 9).Take(9).Sum(static value => (double)value), mean, 1e-4);
        }
    }

    [Fact]
    public void QuantizeToAccuracy_LeavesOnlyWhatHurtsInFloat()
    {
        // The score falls with the noise; the first layer's input has one huge value that spoils its scale.
        OnnxModel model = Graphs.Cnn();
        IReadOnlyDictionary<string, OnnxTensor>[] samples = [.. Graphs.Samples(model, 20).Select(static (sample, index) =>
        {
            float[] values = sample["image"].AsSpan<float>().ToArray();
            values[index] = 150;
            return new Dictionary<string, OnnxTensor> { ["image"] = OnnxTensor.From<float>(values, 1, 3, 8, 8) };
        })];
        IReadOnlyDictionary<string, OnnxTensor>[] test = [.. Graphs.Samples(model, 20, seed: 300)];
        double Score(OnnxModel other) => 1 - OutputNoise.Measure(model, other, test);
        QuantizationResult result = Quantizer.QuantizeToAccuracy(model, samples, Score, new AccuracyOptions { MaxAccuracyDrop = 0.003, Recipes = [new()] });
        Assert.True(result.Report.QuantizedScore >= 0.997, result.Report.ToString());
        Assert.Equal(Score(result.Model), result.Report.QuantizedScore!.Value, 1e-12);
        Assert.Contains(result.Report.Nodes, static node => node is { Name: "/conv1", IsInteger: false });

        // Where more may be lost, nothing is tried beyond the first recipe.
        QuantizationResult cheap = Quantizer.QuantizeToAccuracy(model, samples, Score, new AccuracyOptions { MaxAccuracyDrop = 0.9 });
        Assert.Single(cheap.Report.Steps);
        Assert.All(cheap.Report.Nodes.Where(static node => node.OpType is "Conv" or "Gemm"), static node => Assert.True(node.IsInteger, node.Name));
    }
}
