namespace ModelGen.Onnx.Tests;

public sealed class QuantizerTests
{
    public static TheoryData<string> Models => ["cnn", "residual", "ffn"];

    private static OnnxModel Model(string name) => name switch { "cnn" => Graphs.Cnn(), "residual" => Graphs.Residual(), _ => Graphs.FeedForward() };

    [Fact]
    public void Cnn_RunsEntirelyInIntegers()
    {
        OnnxModel quantized = Quantizer.QuantizeStatic(Graphs.Cnn(), Graphs.Samples(Graphs.Cnn(), 20)).Model;
        IntegerNodeCheck check = IntegerNodeCheck.Inspect(quantized);
        Assert.Empty(check.FloatNodes);
        Assert.Equal(2, check.IntegerNodes["QLinearConv"]);
        Assert.Equal(2, check.IntegerNodes["QGemm"]);
    }

    [Fact]
    public void ResidualBlock_RunsEntirelyInIntegers()
    {
        OnnxModel model = Graphs.Residual();
        IntegerNodeCheck check = IntegerNodeCheck.Inspect(Quantizer.QuantizeStatic(model, Graphs.Samples(model, 20)).Model);
        Assert.Empty(check.FloatNodes);
        Assert.Equal(1, check.IntegerNodes["QLinearAdd"]);
        Assert.Equal(1, check.IntegerNodes["QLinearGlobalAveragePool"]);
    }

    [Fact]
    public void FeedForward_KeepsNormAndGeluFloat_AndItsProductsInteger()
    {
        OnnxModel model = Graphs.FeedForward();
        QuantizationResult result = Quantizer.QuantizeStatic(model, Graphs.Samples(model, 20));
        IntegerNodeCheck check = IntegerNodeCheck.Inspect(result.Model);
        Assert.Equal(["Gelu", "LayerNormalization"], check.FloatNodes.Keys.Order());
        Assert.Equal(2, check.IntegerNodes.Values.Sum());
        Assert.Contains(result.Report.Nodes, static node => node is { OpType: "Gelu", IsInteger: false });
        Assert.Matches("float +Gelu", result.Report.ToString());
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Quantized_IsCloseToFloat(string name)
    {
        OnnxModel model = Model(name);
        OnnxModel quantized = Quantizer.QuantizeStatic(model, Graphs.Samples(model, 50)).Model;
        using var reference = new OnnxRunner(model);
        using var integer = new OnnxRunner(quantized);
        double signal = 0;
        double noise = 0;
        foreach (IReadOnlyDictionary<string, OnnxTensor> sample in Graphs.Samples(model, 20, seed: 9000))
        {
            ReadOnlySpan<float> expected = reference.Run(sample)[reference.Outputs[0].Name].AsSpan<float>();
            ReadOnlySpan<float> actual = integer.Run(sample)[integer.Outputs[0].Name].AsSpan<float>();
            for (int i = 0; i < expected.Length; i++)
            {
                signal += expected[i] * expected[i];
                noise += (expected[i] - actual[i]) * (expected[i] - actual[i]);
            }
        }

        double decibel = 10 * Math.Log10(signal / noise);
        Assert.True(decibel > 25, $"{name}: signal to quantization noise is {decibel:0.0} dB");
    }

    [Fact]
    public void Weights_AreSymmetricPerChannel_AndBiasScalesAreExactProducts()
    {
        OnnxModel model = Graphs.Cnn();
        var graph = Quantizer.QuantizeStatic(model, Graphs.Samples(model, 5)).Model.Proto.Graph;
        var constants = graph.Initializer.ToDictionary(static tensor => tensor.Name);
        float[] weightScales = Onnx.TensorBytes.Floats(constants["/conv1/weight_scale"]);
        float[] biasScales = Onnx.TensorBytes.Floats(constants["/conv1/bias_scale"]);
        float inputScale = Onnx.TensorBytes.Floats(constants["image_scale"])[0];
        Assert.Equal(8, weightScales.Length);
        Assert.Equal(weightScales.Select(scale => scale * inputScale), biasScales);
        Assert.DoesNotContain((byte)0x80, constants["/conv1/weight_quantized"].RawData.ToByteArray());
        Assert.DoesNotContain("/conv1/weight_zero_point", constants.Keys);
        Assert.All(constants["/fc1/weight_zero_point"].RawData.ToByteArray(), static zero => Assert.Equal(0, zero));
    }

    [Fact]
    public void Calibration_ReadsEverySampleOnce()
    {
        OnnxModel model = Graphs.Cnn();
        int read = 0;
        IEnumerable<IReadOnlyDictionary<string, OnnxTensor>> Counted()
        {
            foreach (var sample in Graphs.Samples(model, 10))
            {
                read++;
                yield return sample;
            }
        }

        _ = Quantizer.QuantizeStatic(model, Counted());
        Assert.Equal(10, read);
    }

    [Fact]
    public void NoSamples_IsRefused() =>
        Assert.Contains("no calibration samples", Assert.Throws<ArgumentException>(() => Quantizer.QuantizeStatic(Graphs.Cnn(), [])).Message);

    [Fact]
    public void NanInASample_IsRefusedWithTheValuesName()
    {
        OnnxModel model = Graphs.Cnn();
        float[] values = new float[3 * 8 * 8];
        values[5] = float.NaN;
        var sample = new Dictionary<string, OnnxTensor> { ["image"] = OnnxTensor.From<float>(values, 1, 3, 8, 8) };
        Assert.Contains("sample 1", Assert.Throws<ArgumentException>(() => Quantizer.QuantizeStatic(model, [sample])).Message);
    }

    [Fact]
    public void DegenerateRanges_GiveAModelThatRuns()
    {
        OnnxModel model = Graphs.Cnn();
        var zeros = new Dictionary<string, OnnxTensor> { ["image"] = OnnxTensor.From<float>(new float[3 * 8 * 8], 1, 3, 8, 8) };
        using var runner = new OnnxRunner(Quantizer.QuantizeStatic(model, [zeros]).Model);
        Assert.All(runner.Run(zeros)["scores"].AsSpan<float>().ToArray(), static score => Assert.True(float.IsFinite(score)));
    }

    [Fact]
    public void ExcludedNodes_StayFloat()
    {
        OnnxModel model = Graphs.Cnn();
        QuantizationResult result = Quantizer.QuantizeStatic(model, Graphs.Samples(model, 5), new StaticQuantizationOptions { ExcludeNodes = ["/conv1"] });
        Assert.Contains(result.Report.Nodes, static node => node is { Name: "/conv1", IsInteger: false, Reason: "excluded by the options" });
        Assert.Contains(IntegerNodeCheck.Inspect(result.Model).FloatNodes.Keys, static op => op.Contains("Conv"));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void Options_GiveModelsThatRunInIntegers(bool perChannel, bool reduceRange)
    {
        OnnxModel model = Graphs.Cnn();
        OnnxModel quantized = Quantizer.QuantizeStatic(model, Graphs.Samples(model, 5), new StaticQuantizationOptions { PerChannel = perChannel, ReduceRange = reduceRange }).Model;
        Assert.Empty(IntegerNodeCheck.Inspect(quantized).FloatNodes);
    }

    [Fact]
    public void MetadataAndNames_AreKept()
    {
        OnnxModel model = Graphs.Cnn();
        OnnxModel quantized = Quantizer.QuantizeStatic(model, Graphs.Samples(model, 5)).Model;
        Assert.Equal("Cnn", quantized.Metadata[OnnxContract.ModelKey]);
        Assert.True(quantized.Metadata.ContainsKey("modelgen.quantization"));
        Assert.Equal(model.Proto.Graph.Output, quantized.Proto.Graph.Output);
        Assert.True(quantized.ToByteArray().Length < model.ToByteArray().Length);
    }

    [Fact]
    public void ConvolutionAsOutput_KeepsItsName()
    {
        var g = new OnnxGraphBuilder("conv");
        g.Input("x", OnnxType.Float, [1, 4, 5, 5]);
        Graphs.Conv(g, "conv", "x", "y", 4, 8, 5, 5);
        g.Output("y", OnnxType.Float, [1, 8, 5, 5]);
        OnnxModel model = g.Build();
        OnnxModel quantized = Quantizer.QuantizeStatic(model, Graphs.Samples(model, 5)).Model;
        using var runner = new OnnxRunner(quantized);
        Assert.Equal("y", runner.Outputs[0].Name);
        Assert.Empty(IntegerNodeCheck.Inspect(quantized).FloatNodes);
    }

    [Fact]
    public void RandomGraphs_AreAcceptedAndClose()
    {
        for (int seed = 0; seed < 60; seed++)
        {
            OnnxModel model = RandomGraph(seed);
            OnnxModel quantized = Quantizer.QuantizeStatic(model, Graphs.Samples(model, 8)).Model;
            using var reference = new OnnxRunner(model);
            using var integer = new OnnxRunner(quantized);
            var sample = Graphs.Samples(model, 1, seed: 777).Single();
            float[] expected = reference.Run(sample)["y"].AsSpan<float>().ToArray();
            float[] actual = integer.Run(sample)["y"].AsSpan<float>().ToArray();
            float largest = expected.Max(MathF.Abs) + 1e-3f;
            Assert.True(expected.Zip(actual, static (a, b) => MathF.Abs(a - b)).Max() / largest < 0.3f, $"seed {seed}:\n{Quantizer.QuantizeStatic(model, Graphs.Samples(model, 8)).Report}");
        }
    }

    /// <summary>A chain of operators on [1, 4, 6, 6], some with a skip connection.</summary>
    internal static OnnxModel RandomGraph(int seed)
    {
        var random = new Random(seed);
        var g = new OnnxGraphBuilder("random" + seed);
        long[] shape = [1, 4, 6, 6];
        g.Input("x", OnnxType.Float, shape);
        string value = "x";
        string skip = "x";
        int length = random.Next(2, 9);
        for (int i = 0; i < length; i++)
        {
            string next = i == length - 1 ? "y" : "v" + i;
            switch (random.Next(8))
            {
                case 0 or 1:
                    Graphs.Conv(g, "conv" + i, value, next, 4, 4, 6, 6);
                    break;
                case 2:
                    g.Node("Relu", "/relu" + i, [value], [(next, OnnxType.Float, shape)]);
                    break;
                case 3:
                    g.Node("Add", "/add" + i, [value, skip], [(next, OnnxType.Float, shape)]);
                    break;
                case 4:
                    g.Node("MaxPool", "/pool" + i, [value], [(next, OnnxType.Float, shape)], OnnxAttribute.Ints("kernel_shape", 3, 3), OnnxAttribute.Ints("pads", 1, 1, 1, 1));
                    break;
                case 5:
                    g.Node("Sigmoid", "/sigmoid" + i, [value], [(next, OnnxType.Float, shape)]);
                    break;
                case 6:
                    g.Node("Tanh", "/tanh" + i, [value], [(next, OnnxType.Float, shape)]);
                    break;
                default:
                    g.Node("Transpose", "/transpose" + i, [value], [(next, OnnxType.Float, shape)], OnnxAttribute.Ints("perm", 0, 1, 3, 2));
                    break;
            }

            skip = random.Next(3) == 0 ? value : skip;
            value = next;
        }

        g.Output("y", OnnxType.Float, shape);
        return g.Build();
    }
}
