using System.Text.Json;
using System.Xml.Linq;
using ModelGen.Onnx.Proto;
using ModelGen.Onnx.Quantization;

namespace ModelGen.Onnx.Tests.Quantization;

public sealed class ModeTests
{
    private static OnnxModel Linear(int from, int to, bool gemm, int rows = 3)
    {
        var g = new OnnxGraphBuilder("linear");
        g.Input("x", OnnxType.Float, [rows, from]);
        if (gemm)
        {
            g.Initializer<float>("w", [to, from], Graphs.Random(from * to, 1));
            g.Initializer<float>("b", [to], Graphs.Random(to, 2));
            g.Node("Gemm", "/fc", ["x", "w", "b"], [("y", OnnxType.Float, [rows, to])], OnnxAttribute.Int("transB", 1));
        }
        else
        {
            g.Initializer<float>("w", [from, to], Graphs.Random(from * to, 1));
            g.Node("MatMul", "/fc", ["x", "w"], [("y", OnnxType.Float, [rows, to])]);
        }

        g.Output("y", OnnxType.Float, [rows, to]);
        return g.Build();
    }

    private static float[] Run(OnnxModel model, IReadOnlyDictionary<string, OnnxTensor> sample)
    {
        using var runner = new OnnxRunner(model);
        return runner.Run(sample)[runner.Outputs[0].Name].AsSpan<float>().ToArray();
    }

    [Fact]
    public void StaticFiles_LeaveOutSizesAndOrigins()
    {
        OnnxModel model = Graphs.Cnn();
        model.Proto.Graph.Node[0].MetadataProps.Add(new StringStringEntryProto { Key = "origin", Value = "here" });
        Assert.NotEmpty(model.Proto.Graph.ValueInfo);
        OnnxModel[] files = [Quantizer.QuantizeStatic(model, Graphs.Samples(model, 5)).Model, Quantizer.QuantizeStatic(model, Quantizer.Calibrate(model, Graphs.Samples(model, 5))).Model];
        Assert.All(files, static file => Assert.Empty(file.Proto.Graph.ValueInfo));
        Assert.All(files.SelectMany(static file => file.Proto.Graph.Node), static node => Assert.Empty(node.MetadataProps));
        Assert.Single(model.Proto.Graph.Node[0].MetadataProps);
    }

    /// <summary>Scales of weights from a table are those of the file; without them they follow from the weights.</summary>
    [Fact]
    public void TableOfWeightScales_IsWhatTheFileHas()
    {
        OnnxModel model = Graphs.Cnn();
        CalibrationTable table = Quantizer.Calibrate(model, Graphs.Samples(model, 5));
        IReadOnlyDictionary<string, float[]> found = Quantizer.WeightScales(model, table);
        Assert.Equal(table.Products.Order(), found.Keys.Order());
        byte[] plain = Quantizer.QuantizeStatic(model, table).Model.ToByteArray();
        Assert.Equal(plain, Quantizer.QuantizeStatic(model, table with { WeightScales = found }).Model.ToByteArray());
        Dictionary<string, float[]> doubled = found.ToDictionary(static pair => pair.Key, static pair => pair.Value.Select(static scale => scale * 2).ToArray());
        OnnxModel wider = Quantizer.QuantizeStatic(model, table with { WeightScales = doubled }).Model;
        TensorProto[] scales = [.. wider.Proto.Graph.Initializer.Where(static tensor => tensor.Name.EndsWith("/weight_scale", StringComparison.Ordinal))];
        Assert.Equal(doubled.Values.SelectMany(static values => values).Order(), scales.SelectMany(TensorBytes.Floats).Order());
        doubled[table.Products[0]] = [1];
        Assert.Contains("1 scales", Assert.Throws<ArgumentException>(() => Quantizer.QuantizeStatic(model, table with { WeightScales = doubled })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cnn")]
    [InlineData("residual")]
    public void OnnxRuntime_ComputesWhatTheQdqGraphSays(string name)
    {
        OnnxModel model = name == "cnn" ? Graphs.Cnn() : Graphs.Residual();
        OnnxModel quantized = Quantizer.QuantizeStatic(model, Graphs.Samples(model, 30)).Model;
        int same = 0;
        int count = 0;
        foreach (IReadOnlyDictionary<string, OnnxTensor> sample in Graphs.Samples(model, 10, seed: 900))
        {
            double[] expected = new Float64Graph(quantized).Run(sample);
            float[] actual = Run(quantized, sample);

            // A value that falls between two integers may be rounded either way inside: a part of a step of the last product remains.
            double largest = expected.Max(Math.Abs);
            Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 0.03 * largest));
            same += expected.Zip(actual).Count(pair => Math.Abs(pair.First - pair.Second) < 1e-4 * largest);
            count += actual.Length;
        }

        Assert.True(same > count / 2, $"only {same} of {count} values are equal");
    }

    /// <summary>Weights of 4 bits take half of the bytes and run on the same integer kernels, which compute what the file says.</summary>
    [Theory]
    [InlineData("cnn", true)]
    [InlineData("residual", true)]
    [InlineData("residual", false)]
    public void FourBitWeights_ArePacked_AndRunInIntegers(string name, bool perChannel)
    {
        OnnxModel model = name == "cnn" ? Graphs.Cnn() : Graphs.Residual();
        var options = new StaticQuantizationOptions { WeightBits = 4, PerChannel = perChannel };
        OnnxModel quantized = Quantizer.QuantizeStatic(model, Graphs.Samples(model, 30), options).Model;
        OnnxModel wide = Quantizer.QuantizeStatic(model, Graphs.Samples(model, 30), options with { WeightBits = 8 }).Model;
        (IntegerNodeCheck check, IntegerNodeCheck reference) = (IntegerNodeCheck.Inspect(quantized), IntegerNodeCheck.Inspect(wide));
        Assert.Empty(check.FloatNodes);
        Assert.Equal(reference.IntegerNodes, check.IntegerNodes);
        TensorProto[] packed = [.. quantized.Proto.Graph.Initializer.Where(static tensor => tensor.Name.EndsWith("/weight_packed", StringComparison.Ordinal))];
        Assert.Equal(wide.Proto.Graph.Initializer.Count(static tensor => tensor.Name.EndsWith("/weight_quantized", StringComparison.Ordinal)), packed.Length);
        Assert.All(packed, static tensor => Assert.Equal((TensorBytes.Count(tensor) + 1) / 2, tensor.RawData.Length));
        int same = 0;
        int count = 0;
        foreach (IReadOnlyDictionary<string, OnnxTensor> sample in Graphs.Samples(model, 10, seed: 900))
        {
            double[] expected = new Float64Graph(quantized).Run(sample);
            float[] actual = Run(quantized, sample);
            double largest = expected.Max(Math.Abs);
            Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 0.1 * largest));
            same += expected.Zip(actual).Count(pair => Math.Abs(pair.First - pair.Second) < 1e-4 * largest);
            count += actual.Length;
        }

        Assert.True(same > count / 2, $"only {same} of {count} values are equal");
    }

    /// <summary>Each integer by its definition, for odd sizes too, where the last byte is half empty.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void FourBitWeights_AreTheNearestOfFifteen(bool perChannel)
    {
        OnnxModel model = Linear(7, 5, gemm: true);
        OnnxModel quantized = Quantizer.QuantizeStatic(model, Graphs.Samples(model, 30), new StaticQuantizationOptions { WeightBits = 4, PerChannel = perChannel }).Model;
        float[] weights = Graphs.Random(35, 1);
        byte[] packed = quantized.Proto.Graph.Initializer.Single(static tensor => tensor.Name.EndsWith("/weight_packed", StringComparison.Ordinal)).RawData.ToByteArray();
        Assert.Equal(18, packed.Length);
        for (int i = 0; i < weights.Length; i++)
        {
            float scale = (perChannel ? weights[(i / 7 * 7)..((i / 7 * 7) + 7)] : weights).Max(MathF.Abs) / 7;
            Assert.Equal((int)MathF.Round(weights[i] / scale), (sbyte)(packed[i / 2] << (4 - (i % 2 * 4))) >> 4);
        }
    }

    /// <summary>Clipped scales are better in squared error than any other of a fine search by more than its step allows, and never worse than those of the largest weight.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ClippedWeights_HaveTheLeastSquaredError(bool perChannel)
    {
        OnnxModel model = Linear(64, 5, gemm: true);
        float[] weights = Graphs.Random(320, 1);
        float[] Scales(bool clip) => Quantizer.WeightScales(model, Quantizer.Calibrate(model, Graphs.Samples(model, 5)) with { WeightGrids = new Dictionary<string, WeightGrid>() }, new StaticQuantizationOptions { WeightBits = 4, PerChannel = perChannel, ClipWeights = clip }).Values.Single();
        float[] clipped = Scales(true);
        float[] largest = Scales(false);
        Assert.Equal(perChannel ? 5 : 1, clipped.Distinct().Count());
        double total = 0;
        double without = 0;
        for (int output = 0; output < (perChannel ? 5 : 1); output++)
        {
            float[] row = perChannel ? weights[(output * 64)..((output + 1) * 64)] : weights;
            double Error(double scale) => row.Sum(weight => Math.Pow(weight - (Math.Clamp(Math.Round(weight / scale), -7, 7) * scale), 2));
            double best = Enumerable.Range(300, 701).Min(share => Error(largest[output] * share / 1000));
            Assert.InRange(Error(clipped[output]), best * 0.999, Math.Min(best * 1.15, Error(largest[output])));
            (total, without) = (total + Error(clipped[output]), without + Error(largest[output]));
        }

        Assert.True(total < without);
    }

    /// <summary>A channel of zeros has no say in a scale that all channels share.</summary>
    [Fact]
    public void SharedScale_IsThatOfTheLargestWeight_AlsoBesideAChannelOfZeros()
    {
        var g = new OnnxGraphBuilder("zeros");
        g.Input("x", OnnxType.Float, [1, 2]);
        g.Initializer<float>("w", [2, 2], [0.5f, -0.25f, 0, 0]);
        g.Node("Gemm", "/fc", ["x", "w"], [("y", OnnxType.Float, [1, 2])], OnnxAttribute.Int("transB", 1));
        g.Output("y", OnnxType.Float, [1, 2]);
        OnnxModel model = g.Build();
        OnnxModel quantized = Quantizer.QuantizeStatic(model, Graphs.Samples(model, 5), new StaticQuantizationOptions { PerChannel = false }).Model;
        Assert.Equal([0.5f / 127], TensorBytes.Floats(quantized.Proto.Graph.Initializer.Single(static tensor => tensor.Name == "/fc/weight_scale")));
    }

    /// <summary>Scales that were found for other weights than those of the options are refused.</summary>
    [Fact]
    public void TableOfOtherWeights_IsRefused()
    {
        OnnxModel model = Graphs.Cnn();
        var options = new StaticQuantizationOptions { WeightBits = 4, PerChannel = false };
        CalibrationTable table = Quantizer.Calibrate(model, Graphs.Samples(model, 5), options);
        Assert.All(table.WeightGrids.Values, static grid => Assert.Equal(new WeightGrid(7, false), grid));
        Assert.Contains("-7..7 with one scale", Assert.Throws<ArgumentException>(() => Quantizer.QuantizeStatic(model, table)).Message, StringComparison.Ordinal);
        Dictionary<string, float[]> scales = Quantizer.WeightScales(model, table, options).ToDictionary();
        scales[table.Products[0]][0] *= 2;
        Assert.Contains("has several", Assert.Throws<ArgumentException>(() => Quantizer.QuantizeStatic(model, table with { WeightScales = scales }, options)).Message, StringComparison.Ordinal);
        Assert.Contains("WeightBits", Assert.Throws<ArgumentException>(() => Quantizer.Calibrate(model, Graphs.Samples(model, 5), new StaticQuantizationOptions { WeightBits = 2 })).Message, StringComparison.Ordinal);
        Assert.Contains("ReduceRange", Assert.Throws<ArgumentException>(() => Quantizer.Calibrate(model, Graphs.Samples(model, 5), new StaticQuantizationOptions { WeightBits = 4, ReduceRange = true })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Dynamic_IsFused_AndEqualsItsDefinition(bool gemm, bool perChannel)
    {
        OnnxModel model = Linear(48, 20, gemm);
        QuantizationResult result = Quantizer.QuantizeDynamic(model, new DynamicQuantizationOptions { PerChannel = perChannel });
        IntegerNodeCheck check = IntegerNodeCheck.Inspect(result.Model);
        Assert.Equal(1, check.IntegerNodes["DynamicQuantizeMatMul"]);
        Assert.Empty(check.FloatNodes);
        IReadOnlyDictionary<string, OnnxTensor> sample = Graphs.Samples(model, 1).First();
        float[] x = sample["x"].AsSpan<float>().ToArray();
        IntegerGrid grid = new ValueRange(x.Min(), x.Max()).Grid(OnnxType.UInt8);
        float[] weights = Graphs.Random(48 * 20, 1);
        float Weight(int input, int output) => gemm ? weights[(output * 48) + input] : weights[(input * 20) + output];
        float[] actual = Run(result.Model, sample);
        for (int i = 0; i < actual.Length; i++)
        {
            (int row, int output) = (i / 20, i % 20);
            double scale = (perChannel ? Enumerable.Range(0, 48).Max(input => Math.Abs(Weight(input, output))) : weights.Max(MathF.Abs)) / 127;
            double expected = Enumerable.Range(0, 48).Sum(input => grid.Round(x[(row * 48) + input]) * Math.Round(Weight(input, output) / scale) * scale) + (gemm ? Graphs.Random(20, 2)[output] : 0);
            Assert.Equal(expected, actual[i], 0.02);
        }
    }

    [Fact]
    public void Dynamic_SharesTheActivationsOfSeveralProducts_AndLeavesConvolutionsFloat()
    {
        var g = new OnnxGraphBuilder("qkv");
        g.Input("x", OnnxType.Float, [1, 5, 16]);
        Graphs.MatMul(g, "query", "x", "q", 16, 16);
        Graphs.MatMul(g, "key", "x", "k", 16, 16);
        g.Node("Add", "/sum", ["q", "k"], [("y", OnnxType.Float, [1, 5, 16])]);
        g.Output("y", OnnxType.Float, [1, 5, 16]);
        OnnxModel model = g.Build();
        OnnxModel quantized = Quantizer.QuantizeDynamic(model).Model;
        Assert.Single(quantized.Proto.Graph.Node, static node => node.OpType == "DynamicQuantizeLinear");
        Assert.True(OutputNoise.Measure(model, quantized, Graphs.Samples(model, 5)) < 1e-3);
        QuantizationReport report = Quantizer.QuantizeDynamic(Graphs.Cnn()).Report;
        Assert.Contains(report.Nodes, static node => node is { OpType: "Conv", IsInteger: false } && node.Reason.Contains("dynamic convolution"));
        Assert.Contains(report.Nodes, static node => node is { OpType: "Gemm", IsInteger: true });
    }

    [Theory]
    [InlineData(4, 32, true, true)]
    [InlineData(4, 16, false, true)]
    [InlineData(4, 64, true, false)]
    [InlineData(8, 32, true, true)]
    [InlineData(8, 32, false, false)]
    public void WeightOnly_EqualsTheProductWithDequantizedWeights(int bits, int blockSize, bool symmetric, bool gemm)
    {
        // 72 inputs: the last block is not full.
        OnnxModel model = Linear(72, 24, gemm);
        var options = new WeightQuantizationOptions { Bits = bits, BlockSize = blockSize, Symmetric = symmetric, IntegerArithmetic = false };
        OnnxModel quantized = Quantizer.QuantizeWeights(model, options).Model;
        IReadOnlyDictionary<string, OnnxTensor> sample = Graphs.Samples(model, 1).First();
        float[] x = sample["x"].AsSpan<float>().ToArray();
        WeightMatrix weights = WeightMatrix.Of(new GraphIndex(model.Proto.Graph).Initializer("w")!, gemm ? 0 : 1);
        var blocks = BlockWeights.Quantize(weights, options, null);
        float[] actual = Run(quantized, sample);
        for (int i = 0; i < actual.Length; i++)
        {
            (int row, int output) = (i / 24, i % 24);
            double expected = Enumerable.Range(0, 72).Sum(input => x[(row * 72) + input] * blocks.Value(output, input)) + (gemm ? Graphs.Random(24, 2)[output] : 0);
            Assert.Equal(expected, actual[i], 1e-4);
        }

        Assert.True(OutputNoise.Measure(model, Quantizer.QuantizeWeights(model, options with { IntegerArithmetic = true }).Model, [sample]) < (bits == 4 ? 0.03 : 1e-3));
    }

    [Fact]
    public void WeightOnly_WithSamples_HasLessNoise()
    {
        OnnxModel model = Graphs.FeedForward();
        IReadOnlyDictionary<string, OnnxTensor>[] samples = [.. Graphs.Samples(model, 50)];
        double before = OutputNoise.Measure(model, Quantizer.QuantizeWeights(model, 4, 16).Model, Graphs.Samples(model, 20, seed: 999));
        double after = OutputNoise.Measure(model, Quantizer.QuantizeWeights(model, 4, 16, samples).Model, Graphs.Samples(model, 20, seed: 999));
        Assert.True(after < before, $"{before} became {after}");
    }

    [Theory]
    [InlineData(3, 32)]
    [InlineData(4, 24)]
    [InlineData(4, 8)]
    public void WeightOnly_RefusesMeaninglessSettings(int bits, int blockSize) =>
        Assert.Throws<ArgumentException>(() => Quantizer.QuantizeWeights(Linear(16, 4, gemm: true), bits, blockSize));

    [Theory]
    [InlineData("cnn")]
    [InlineData("ffn")]
    public void Float16_IsHalfTheSize_WithTheSameInputsAndOutputs(string name)
    {
        OnnxModel model = name == "cnn" ? Graphs.Cnn() : Graphs.FeedForward();
        QuantizationResult result = Quantizer.ToFloat16(model);
        Assert.True(OutputNoise.Measure(model, result.Model, Graphs.Samples(model, 5)) < 1e-5);
        Assert.Equal(model.Proto.Graph.Input, result.Model.Proto.Graph.Input);
        Assert.Equal(model.Proto.Graph.Output, result.Model.Proto.Graph.Output);
        Assert.DoesNotContain(result.Model.Proto.Graph.Initializer, static tensor => tensor.DataType == (int)OnnxType.Float);
        Assert.All(result.Report.Nodes.Where(static node => node.OpType is "Conv" or "Gemm"), static node => Assert.Equal("float16", node.Reason));
    }

    [Fact]
    public void Float16_ClampsWhatItCannotHold()
    {
        var g = new OnnxGraphBuilder("large");
        g.Input("x", OnnxType.Float, [2]);
        g.Initializer<float>("c", [2], [1e6f, float.NegativeInfinity]);
        g.Node("Min", "/min", ["x", "c"], [("y", OnnxType.Float, [2])]);
        g.Output("y", OnnxType.Float, [2]);
        float[] result = Run(Quantizer.ToFloat16(g.Build()).Model, new Dictionary<string, OnnxTensor> { ["x"] = OnnxTensor.From<float>([60000, 1], 2) });
        Assert.Equal([60000, float.NegativeInfinity], result);
    }

    [Theory]
    [InlineData(OnnxType.UInt16)]
    [InlineData(OnnxType.Int16)]
    public void SixteenBitActivations_LoseNothingButTheWeightsBits(OnnxType type)
    {
        OnnxModel model = Graphs.Cnn();
        OnnxModel quantized = Quantizer.QuantizeStatic(model, Graphs.Samples(model, 20), new() { ActivationType = type }).Model;
        double eight = OutputNoise.Measure(model, Quantizer.QuantizeStatic(model, Graphs.Samples(model, 20)).Model, Graphs.Samples(model, 10, seed: 70));
        double sixteen = OutputNoise.Measure(model, quantized, Graphs.Samples(model, 10, seed: 70));
        Assert.True(sixteen < eight * 0.7, $"8 bits {eight}, 16 bits {sixteen}");
        Assert.Contains(IntegerNodeCheck.Inspect(quantized).Nodes, static node => node.Reason.Contains("16-bit"));
    }

    [Fact]
    public void SignedActivations_GiveTheSameNumbers()
    {
        OnnxModel model = Graphs.Cnn();
        OnnxModel signed = Quantizer.QuantizeStatic(model, Graphs.Samples(model, 20), new() { ActivationType = OnnxType.Int8 }).Model;
        OnnxModel unsigned = Quantizer.QuantizeStatic(model, Graphs.Samples(model, 20)).Model;
        Assert.True(OutputNoise.Measure(unsigned, signed, Graphs.Samples(model, 10)) < 1e-3);
    }

    [Fact]
    public void Embedding_IsStoredInIntegers()
    {
        var g = new OnnxGraphBuilder("embedding");
        g.Input("ids", OnnxType.Int64, [1, 5]);
        g.Initializer<float>("table", [500, 16], [.. Graphs.Random(8000, 1).Select(static (value, index) => value * (index % 16))]);
        g.Node("Gather", "/embed", ["table", "ids"], [("e", OnnxType.Float, [1, 5, 16])]);
        Graphs.MatMul(g, "fc", "e", "y", 16, 4);
        g.Output("y", OnnxType.Float, [1, 5, 4]);
        OnnxModel model = g.Build();
        IReadOnlyDictionary<string, OnnxTensor>[] samples = [.. Enumerable.Range(0, 20).Select(static seed => new Dictionary<string, OnnxTensor>
        {
            ["ids"] = OnnxTensor.From<long>([.. Enumerable.Range(0, 5).Select(i => (long)new Random((seed * 5) + i).Next(500))], 1, 5),
        })];
        OnnxModel quantized = Quantizer.QuantizeStatic(model, samples).Model;
        Assert.True(OutputNoise.Measure(model, quantized, samples) < 1e-3);
        Assert.True(quantized.ToByteArray().Length < 0.4 * model.ToByteArray().Length);
        Assert.Equal((int)OnnxType.Int8, quantized.Proto.Graph.Initializer.First(static tensor => tensor.Name == "table_quantized").DataType);
    }

    [Fact]
    public void Clip_VanishesForEveryCalibration()
    {
        var g = new OnnxGraphBuilder("relu6");
        g.Input("x", OnnxType.Float, [1, 4, 5, 5]);
        Graphs.Conv(g, "conv1", "x", "a", 4, 8, 5, 5);
        g.Initializer<float>("low", [], [0]);
        g.Initializer<float>("high", [], [0.6f]);
        g.Node("Clip", "/clip", ["a", "low", "high"], [("b", OnnxType.Float, [1, 8, 5, 5])]);
        Graphs.Conv(g, "conv2", "b", "y", 8, 8, 5, 5);
        g.Output("y", OnnxType.Float, [1, 8, 5, 5]);
        OnnxModel model = g.Build();
        foreach (CalibrationMethod method in Enum.GetValues<CalibrationMethod>())
        {
            IntegerNodeCheck check = IntegerNodeCheck.Inspect(Quantizer.QuantizeStatic(model, Graphs.Samples(model, 20), new() { Calibration = method }).Model);
            Assert.True(check.FloatNodes.Count == 0, $"{method}\n{check}");
            Assert.Equal(NodeExecution.Fused, check.Nodes.Single(static node => node.Name == "/clip").Execution);
        }
    }

    [Fact]
    public void ConcatAndSplit_StayInIntegers_WithOneScale()
    {
        var g = new OnnxGraphBuilder("branches");
        g.Input("x", OnnxType.Float, [1, 4, 6, 6]);
        Graphs.Conv(g, "left", "x", "a", 4, 8, 6, 6);
        Graphs.Conv(g, "rightmost", "x", "b", 4, 8, 6, 6);
        g.Node("Concat", "/concat", ["a", "b"], [("c", OnnxType.Float, [1, 16, 6, 6])], OnnxAttribute.Int("axis", 1));
        g.Initializer<long>("parts", [2], [8, 8]);
        g.Node("Split", "/split", ["c", "parts"], [("d", OnnxType.Float, [1, 8, 6, 6]), ("e", OnnxType.Float, [1, 8, 6, 6])], OnnxAttribute.Int("axis", 1));
        g.Node("Add", "/add", ["d", "e"], [("f", OnnxType.Float, [1, 8, 6, 6])]);
        Graphs.Conv(g, "last", "f", "y", 8, 4, 6, 6);
        g.Output("y", OnnxType.Float, [1, 4, 6, 6]);
        OnnxModel model = g.Build();
        OnnxModel quantized = Quantizer.QuantizeStatic(model, Graphs.Samples(model, 20)).Model;
        IntegerNodeCheck check = IntegerNodeCheck.Inspect(quantized);
        Assert.True(check.FloatNodes.Count == 0, check.ToString());
        string[] scales = [.. new[] { "a", "b", "c", "d", "e" }.Select(value => quantized.Proto.Graph.Node.First(node => node.Name == "/quantize/" + value).Input[1])];
        Assert.Single(scales.Distinct());
    }

    [Fact]
    public void Check_SaysWhyANodeIsFloat()
    {
        OnnxModel model = Graphs.Cnn();
        string Reason(OnnxModel quantized, string node) => IntegerNodeCheck.Inspect(quantized).Nodes.Single(found => found.Name == node) is var only && only.Reason.Length > 0 ? only.Reason : only.ToString();
        OnnxModel good = Quantizer.QuantizeStatic(model, Graphs.Samples(model, 5)).Model;
        Assert.Contains("no DequantizeLinear", Reason(Quantizer.QuantizeStatic(model, Graphs.Samples(model, 5), new() { ExcludeNodes = ["/conv1"] }).Model, "/conv1"));

        var bias = new OnnxModel(good.Proto.Clone());
        TensorProto scale = bias.Proto.Graph.Initializer.First(static tensor => tensor.Name == "/conv2/bias_scale");
        scale.RawData = TensorBytes.Tensor<float>("", [8], [.. TensorBytes.Floats(scale).Select(static value => value * 1.1f)]).RawData;
        Assert.Contains("scale of its bias", Reason(bias, "/conv2"));

        var range = new OnnxModel(good.Proto.Clone());
        range.Proto.Graph.Initializer.First(static tensor => tensor.Name == "b_zero_point").RawData = Google.Protobuf.ByteString.CopyFrom(7);
        Assert.Contains("bounds", Reason(range, "/conv1"));

        OnnxModel transformer = Graphs.FeedForward();
        Assert.Contains("no integer kernel for Gelu", Reason(Quantizer.QuantizeStatic(transformer, Graphs.Samples(transformer, 5)).Model, "/Gelu"));
    }

    [Fact]
    public void RandomGraphs_RunWithEveryCalibration_AndBoundedNoise() =>
        Gen.Select(Gen.Int[0, 100_000], Gen.Enum<CalibrationMethod>(), Gen.Bool, Gen.Bool).Sample(
            static (seed, method, adaptive, signed) =>
            {
                OnnxModel model = QuantizerTests.RandomGraph(seed);
                var options = new StaticQuantizationOptions
                {
                    Calibration = method, EqualizeLayers = adaptive, CorrectBias = adaptive, Rounding = adaptive ? WeightRounding.Adaptive : WeightRounding.Nearest, ActivationType = signed ? OnnxType.Int8 : OnnxType.UInt8,
                };
                double noise = OutputNoise.Measure(model, Quantizer.QuantizeStatic(model, Graphs.Samples(model, 12), options).Model, Graphs.Samples(model, 4, seed: 777));

                // Percentiles and the entropy cut flat distributions, such as these, further than their error would have it.
                Assert.True(noise < (method is CalibrationMethod.Entropy or CalibrationMethod.Percentile ? 0.1 : 0.02), $"seed {seed}, {method}: {noise}");
            },
            iter: 60, threads: 1);

    [Fact]
    public void SymbolicBatch_IsQuantizedToo()
    {
        OnnxModel model = Linear(16, 4, gemm: true);
        foreach (ValueInfoProto value in model.Proto.Graph.Input.Concat(model.Proto.Graph.Output))
        {
            value.Type.TensorType.Shape.Dim[0] = new TensorShapeProto.Types.Dimension { DimParam = "batch" };
        }

        model.Proto.Graph.ValueInfo.Clear();
        model.Proto.Graph.Node[0].Name = "";
        IReadOnlyDictionary<string, OnnxTensor>[] samples = [.. Enumerable.Range(1, 5).Select(static batch => new Dictionary<string, OnnxTensor> { ["x"] = OnnxTensor.From<float>(Graphs.Random(batch * 16, batch), batch, 16) })];
        QuantizationResult result = Quantizer.QuantizeStatic(model, samples);
        Assert.True(OutputNoise.Measure(model, result.Model, samples) < 1e-3);
        Assert.Equal(1, IntegerNodeCheck.Inspect(result.Model).IntegerNodes["QGemm"]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ProductsOfTwoActivations_AreQuantizedOnRequest(bool quantize)
    {
        var g = new OnnxGraphBuilder("scores");
        g.Input("x", OnnxType.Float, [1, 5, 16]);
        Graphs.MatMul(g, "query", "x", "q", 16, 16);
        Graphs.MatMul(g, "key", "x", "k", 16, 16);
        g.Node("Transpose", "/transpose", ["k"], [("t", OnnxType.Float, [1, 16, 5])], OnnxAttribute.Ints("perm", 0, 2, 1));
        g.Node("MatMul", "/scores", ["q", "t"], [("s", OnnxType.Float, [1, 5, 5])]);
        g.Node("Softmax", "/softmax", ["s"], [("y", OnnxType.Float, [1, 5, 5])]);
        g.Output("y", OnnxType.Float, [1, 5, 5]);
        OnnxModel model = g.Build();
        OnnxModel quantized = Quantizer.QuantizeStatic(model, Graphs.Samples(model, 20), new() { QuantizeAttention = quantize }).Model;
        Assert.Equal(quantize ? NodeExecution.Integer : NodeExecution.Float, IntegerNodeCheck.Inspect(quantized).Nodes.Single(static node => node.Name == "/scores").Execution);
        Assert.True(OutputNoise.Measure(model, quantized, Graphs.Samples(model, 5)) < 1e-2);
    }

    [Fact]
    public void OldOpset_IsRefused()
    {
        OnnxModel model = Linear(16, 4, gemm: true);
        model.Proto.OpsetImport[0].Version = 11;
        Assert.Contains("opset 13", Assert.Throws<NotSupportedException>(() => Quantizer.QuantizeDynamic(model)).Message);
    }

    [Fact]
    public void Report_HasNoiseLatencyAndScores_AsTableJsonAndPicture()
    {
        OnnxModel model = Graphs.Cnn();
        QuantizationResult result = Quantizer.QuantizeStatic(model, Graphs.Samples(model, 20), new() { Calibration = CalibrationMethod.Mse, CorrectBias = true });
        IReadOnlyDictionary<string, OnnxTensor>[] samples = [.. Graphs.Samples(model, 10, seed: 40)];
        int[] labels = [.. samples.Select(sample => Run(model, sample)).Select(static scores => Array.IndexOf(scores, scores.Max()))];
        QuantizationReport report = Quantizer.Examine(model, result, samples, Evaluation.Accuracy(samples, labels));
        Assert.Equal(1, report.FloatScore);
        Assert.InRange(report.QuantizedScore!.Value, 0.7, 1);
        Assert.True(report.FloatMilliseconds > 0 && report.QuantizedMilliseconds > 0);
        Assert.All(report.Layers, static layer => Assert.InRange(layer.Decibel, 20, 200));
        Assert.Contains(report.Layers, static layer => layer is { Node: "/fc2", OpType: "Gemm" });
        double noise = OutputNoise.Measure(model, result.Model, samples);
        Assert.Equal(-10 * Math.Log10(noise), report.Layers.Single(static layer => layer.Value == "scores").Decibel, 0.5);
        Assert.Contains("Latency ms", report.ToString());
        Assert.Equal(report.Nodes.Count, JsonDocument.Parse(report.ToJson()).RootElement.GetProperty("nodes").GetArrayLength());
        Assert.True(XDocument.Parse(report.ToSvg()).Descendants().Count(static element => element.Name.LocalName == "rect") >= report.Layers.Count + 4);
    }

    [Fact]
    public void WrongNumberOfLabels_IsRefused()
    {
        OnnxModel model = Graphs.Cnn();
        Assert.Throws<ArgumentException>(() => Evaluation.Accuracy(Graphs.Samples(model, 3), [1, 2])(model));
    }
}
