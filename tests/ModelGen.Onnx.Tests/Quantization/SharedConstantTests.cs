using ModelGen.Onnx.Proto;
using ModelGen.Onnx.Quantization;

namespace ModelGen.Onnx.Tests.Quantization;

/// <summary>The optimizer lets equal constants be one; each product needs integers of its own.</summary>
public sealed class SharedConstantTests
{
    private static readonly StaticQuantizationOptions[] Recipes =
    [
        new(),
        new() { PerChannel = false },
        new() { CorrectBias = true, EqualizeLayers = true, SmoothQuant = 0.5, Rounding = WeightRounding.Adaptive },
    ];

    public static TheoryData<int> All => [0, 1, 2];

    [Theory]
    [MemberData(nameof(All))]
    public void EqualZeroBiases_GetTheScalesOfTheirOwnLayers(int recipe)
    {
        var g = new OnnxGraphBuilder("biases");
        g.Input("x", OnnxType.Float, [1, 4, 6, 6]);
        string input = "x";
        foreach ((string name, float size) in new[] { ("a", 1f), ("b", 0.01f), ("c", 30f) })
        {
            g.Initializer<float>(name + ".weight", [8, input == "x" ? 4 : 8, 3, 3], Graphs.Random(8 * (input == "x" ? 4 : 8) * 9, name[0], size));
            g.Initializer<float>(name + ".bias", [8], new float[8]);
            g.Node("Conv", "/" + name, [input, name + ".weight", name + ".bias"], [(name, OnnxType.Float, [1, 8, 6, 6])], OnnxAttribute.Ints("pads", 1, 1, 1, 1), OnnxAttribute.Ints("kernel_shape", 3, 3));
            g.Node("Relu", "/relu_" + name, [name], [(name + "_relu", OnnxType.Float, [1, 8, 6, 6])]);
            input = name + "_relu";
        }

        g.Output("c_relu", OnnxType.Float, [1, 8, 6, 6]);
        OnnxModel model = Merged(g.Build(), 2);
        OnnxModel quantized = Close(model, recipe, 1e-2);
        Dictionary<string, TensorProto> constants = quantized.Proto.Graph.Initializer.ToDictionary(static tensor => tensor.Name);
        foreach ((string name, string from) in new[] { ("a", "x"), ("b", "a_relu"), ("c", "b_relu") })
        {
            float scale = TensorBytes.Floats(constants[from + "_scale"])[0];
            Assert.Equal(TensorBytes.Floats(constants[$"/{name}/weight_scale"]).Select(weight => weight * scale), TensorBytes.Floats(constants[$"/{name}/bias_scale"]));
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void SharedWeightsAndBias_FollowTheInputOfEachLayer(int recipe)
    {
        // The second layer's input is a hundred times the first one's.
        var g = new OnnxGraphBuilder("shared");
        g.Input("x", OnnxType.Float, [1, 4, 6, 6]);
        foreach (string name in (string[])["a", "b"])
        {
            g.Initializer<float>(name + ".weight", [4, 4, 3, 3], Graphs.Random(144, 1, 3));
            g.Initializer<float>(name + ".bias", [4], Graphs.Random(4, 2));
        }

        g.Initializer<float>("large", [1], [20f]);
        g.Node("Conv", "/a", ["x", "a.weight", "a.bias"], [("a", OnnxType.Float, [1, 4, 6, 6])], OnnxAttribute.Ints("pads", 1, 1, 1, 1), OnnxAttribute.Ints("kernel_shape", 3, 3));
        g.Node("Relu", "/relu", ["a"], [("r", OnnxType.Float, [1, 4, 6, 6])]);
        g.Node("Mul", "/mul", ["r", "large"], [("m", OnnxType.Float, [1, 4, 6, 6])]);
        g.Node("Conv", "/b", ["m", "b.weight", "b.bias"], [("y", OnnxType.Float, [1, 4, 6, 6])], OnnxAttribute.Ints("pads", 1, 1, 1, 1), OnnxAttribute.Ints("kernel_shape", 3, 3));
        g.Output("y", OnnxType.Float, [1, 4, 6, 6]);
        OnnxModel quantized = Close(Merged(g.Build(), 2), recipe, 1e-2);
        Dictionary<string, TensorProto> constants = quantized.Proto.Graph.Initializer.ToDictionary(static tensor => tensor.Name);
        Assert.True(TensorBytes.Floats(constants["/b/bias_scale"])[0] > 10 * TensorBytes.Floats(constants["/a/bias_scale"])[0]);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(0, false)]
    [InlineData(2, true)]
    public void EmbeddingTiedToTheOutput_GetsBothKindsOfScales(int recipe, bool transposed)
    {
        OnnxModel model = Tied(transposed);
        IReadOnlyDictionary<string, OnnxTensor>[] samples = Tokens();
        OnnxModel quantized = Quantizer.QuantizeStatic(model, samples, Recipes[recipe]).Model;
        Assert.InRange(OutputNoise.Measure(model, quantized, samples), 1e-9, 1e-2);
        quantized.Validate("tied");
        if (transposed)
        {
            // One int8 table to look up and one to multiply with, and no float table beside them.
            Assert.DoesNotContain(quantized.Proto.Graph.Initializer, static tensor => tensor.DataType == (int)OnnxType.Float && tensor.Dims.Count == 2);
            Assert.Equal(2, quantized.Proto.Graph.Initializer.Count(static tensor => tensor.DataType == (int)OnnxType.Int8 && tensor.Dims.SequenceEqual([200L, 16L])));
            OnnxModel excluded = Quantizer.QuantizeStatic(model, samples, new() { ExcludeNodes = ["/head"] }).Model;
            Assert.Single(excluded.Proto.Graph.Initializer, static tensor => tensor.Dims.SequenceEqual([200L, 16L]));
        }
    }

    [Fact]
    public void TiedTables_SurviveTheOtherQuantizers()
    {
        OnnxModel model = Tied(transposed: true);
        IReadOnlyDictionary<string, OnnxTensor>[] samples = Tokens();
        Assert.InRange(OutputNoise.Measure(model, Quantizer.QuantizeDynamic(model).Model, samples), 1e-9, 1e-2);
        Assert.InRange(OutputNoise.Measure(model, Quantizer.QuantizeWeights(model, 8, 16).Model, samples), 1e-9, 1e-2);
        Assert.InRange(OutputNoise.Measure(model, Quantizer.ToFloat16(model).Model, samples), 1e-12, 1e-4);
    }

    [Fact]
    public void ConstantsNamedLikeOurs_KeepTheirValues()
    {
        var g = new OnnxGraphBuilder("names");
        g.Input("x", OnnxType.Float, [1, 4, 6, 6]);
        Graphs.Conv(g, "one", "x", "a", 4, 8, 6, 6);
        g.Initializer<float>("a_scale", [1, 8, 1, 1], Graphs.Random(8, 5, 3));
        g.Initializer<float>("x_zero_point", [1, 8, 1, 1], Graphs.Random(8, 6));
        g.Node("Mul", "/mul", ["a", "a_scale"], [("a_quantized", OnnxType.Float, [1, 8, 6, 6])]);
        g.Node("Add", "/add", ["a_quantized", "x_zero_point"], [("b", OnnxType.Float, [1, 8, 6, 6])]);
        Graphs.Conv(g, "two", "b", "y", 8, 8, 6, 6);
        g.Output("y", OnnxType.Float, [1, 8, 6, 6]);
        OnnxModel quantized = Close(g.Build(), 0, 1e-2);
        quantized.Validate("names");

        // A model in QDQ form has the names already.
        OnnxModel again = Quantizer.QuantizeDynamic(quantized).Model;
        again.Validate("again");
        Assert.InRange(OutputNoise.Measure(quantized, again, [.. Graphs.Samples(quantized, 3)]), 0, 1e-3);
    }

    private static OnnxModel Tied(bool transposed)
    {
        var g = new OnnxGraphBuilder("tied");
        g.Input("ids", OnnxType.Int64, [5]);
        g.Initializer<float>("table", [200, 16], Graphs.Random(3200, 1));
        g.Node("Gather", "/embed", ["table", "ids"], [("e", OnnxType.Float, [5, 16])]);
        g.Initializer<float>("w", [16, 16], Graphs.Random(256, 2, 4));
        g.Node("Gemm", "/fc", ["e", "w"], [("h", OnnxType.Float, [5, 16])]);
        if (transposed)
        {
            g.Node("Gemm", "/head", ["h", "table"], [("y", OnnxType.Float, [5, 200])], OnnxAttribute.Int("transB", 1));
        }
        else
        {
            g.Node("Transpose", "/turn", ["table"], [("turned", OnnxType.Float, [16, 200])], OnnxAttribute.Ints("perm", 1, 0));
            g.Node("MatMul", "/head", ["h", "turned"], [("y", OnnxType.Float, [5, 200])]);
        }

        g.Output("y", OnnxType.Float, [5, 200]);
        return OnnxOptimizer.Optimize(g.Build()).Model;
    }

    private static IReadOnlyDictionary<string, OnnxTensor>[] Tokens() => [.. Enumerable.Range(0, 20).Select(static seed => new Dictionary<string, OnnxTensor>
    {
        ["ids"] = OnnxTensor.From<long>([.. Enumerable.Range(0, 5).Select(i => (long)new Random((seed * 5) + i).Next(200))], 5),
    })];

    private static OnnxModel Merged(OnnxModel model, int constants)
    {
        OnnxOptimization result = OnnxOptimizer.Optimize(model);
        Assert.Equal(constants, result.Changes["constants merged"]);
        return result.Model;
    }

    private static OnnxModel Close(OnnxModel model, int recipe, double noise)
    {
        IReadOnlyDictionary<string, OnnxTensor>[] samples = [.. Graphs.Samples(model, 10)];
        OnnxModel quantized = Quantizer.QuantizeStatic(model, samples, Recipes[recipe]).Model;
        Assert.InRange(OutputNoise.Measure(model, quantized, samples), 1e-9, noise);
        IntegerNodeCheck check = IntegerNodeCheck.Inspect(quantized);
        Assert.True(check.FloatNodes.Keys.All(static op => op is "Mul" or "Add"), check.ToString());
        return quantized;
    }
}
