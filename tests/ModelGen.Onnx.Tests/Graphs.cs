namespace ModelGen.Onnx.Tests;

/// <summary>Small models with random weights, in the forms that the exporter writes.</summary>
internal static class Graphs
{
    public static float[] Random(int count, int seed, float scale = 1)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() * 2) - 1) * scale)];
    }

    /// <summary>Conv, Relu, MaxPool, Conv, Relu, Reshape, Gemm, Relu, Gemm on [1, 3, 8, 8].</summary>
    public static OnnxModel Cnn()
    {
        var g = new OnnxGraphBuilder("cnn");
        g.Metadata(OnnxContract.ModelKey, "Cnn");
        g.Input("image", OnnxType.Float, [1, 3, 8, 8]);
        Conv(g, "conv1", "image", "a", 3, 8, 8, 8);
        g.Node("Relu", "/Relu1", ["a"], [("b", OnnxType.Float, [1, 8, 8, 8])]);
        g.Node("MaxPool", "/MaxPool", ["b"], [("c", OnnxType.Float, [1, 8, 4, 4])], OnnxAttribute.Ints("kernel_shape", 2, 2), OnnxAttribute.Ints("strides", 2, 2));
        Conv(g, "conv2", "c", "d", 8, 8, 4, 4);
        g.Node("Relu", "/Relu2", ["d"], [("e", OnnxType.Float, [1, 8, 4, 4])]);
        g.Initializer<long>("shape", [2], [1, 128]);
        g.Node("Reshape", "/Reshape", ["e", "shape"], [("f", OnnxType.Float, [1, 128])]);
        Gemm(g, "fc1", "f", "h", 128, 16);
        g.Node("Relu", "/Relu3", ["h"], [("i", OnnxType.Float, [1, 16])]);
        Gemm(g, "fc2", "i", "scores", 16, 4);
        g.Output("scores", OnnxType.Float, [1, 4]);
        return g.Build();
    }

    /// <summary>A residual block with a projection, on [1, 4, 6, 6], and global average pooling.</summary>
    public static OnnxModel Residual()
    {
        var g = new OnnxGraphBuilder("residual");
        g.Input("x", OnnxType.Float, [1, 4, 6, 6]);
        Conv(g, "stem", "x", "a", 4, 8, 6, 6);
        g.Node("Relu", "/Relu1", ["a"], [("b", OnnxType.Float, [1, 8, 6, 6])]);
        Conv(g, "conv1", "b", "c", 8, 8, 6, 6);
        g.Node("Add", "/Add", ["c", "b"], [("sum", OnnxType.Float, [1, 8, 6, 6])]);
        g.Node("Relu", "/Relu2", ["sum"], [("d", OnnxType.Float, [1, 8, 6, 6])]);
        g.Node("GlobalAveragePool", "/Pool", ["d"], [("e", OnnxType.Float, [1, 8, 1, 1])]);
        g.Initializer<long>("shape", [2], [1, 8]);
        g.Node("Reshape", "/Reshape", ["e", "shape"], [("f", OnnxType.Float, [1, 8])]);
        Gemm(g, "fc", "f", "y", 8, 3);
        g.Output("y", OnnxType.Float, [1, 3]);
        return g.Build();
    }

    /// <summary>LayerNormalization, MatMul + Add, Gelu, MatMul + Add on [1, 5, 16]: a transformer's feed-forward half.</summary>
    public static OnnxModel FeedForward()
    {
        var g = new OnnxGraphBuilder("ffn");
        g.Input("x", OnnxType.Float, [1, 5, 16]);
        g.Initializer<float>("gamma", [16], Random(16, 1));
        g.Initializer<float>("beta", [16], Random(16, 2));
        g.Node("LayerNormalization", "/Norm", ["x", "gamma", "beta"], [("n", OnnxType.Float, [1, 5, 16])]);
        MatMul(g, "expand", "n", "h", 16, 32);
        g.Node("Gelu", "/Gelu", ["h"], [("a", OnnxType.Float, [1, 5, 32])]);
        MatMul(g, "contract", "a", "y", 32, 16);
        g.Output("y", OnnxType.Float, [1, 5, 16]);
        return g.Build();
    }

    /// <summary>Adds an initialiser and returns its name.</summary>
    public static string Constant<T>(this OnnxGraphBuilder g, string name, long[] shape, T[] values)
        where T : unmanaged
    {
        g.Initializer<T>(name, shape, values);
        return name;
    }

    /// <summary>Builds a model and lets a test add to its graph what the builder has no words for.</summary>
    public static OnnxModel BuildWith(this OnnxGraphBuilder g, Action<Proto.GraphProto> change)
    {
        string[] inputs = ["x"];
        g.Node("Identity", "/placeholder", inputs, [("placeholder", OnnxType.Float, [1])]);
        g.Output("placeholder", OnnxType.Float, [1]);
        OnnxModel model = g.Build();
        model.Proto.Graph.Node.RemoveAt(model.Proto.Graph.Node.Count - 1);
        model.Proto.Graph.Output.Clear();
        change(model.Proto.Graph);
        return model;
    }

    public static void Conv(OnnxGraphBuilder g, string name, string input, string output, int from, int to, int height, int width)
    {
        g.Initializer<float>(name + ".weight", [to, from, 3, 3], Random(to * from * 9, name.Length + to, 0.3f));
        g.Initializer<float>(name + ".bias", [to], Random(to, from, 0.1f));
        g.Node("Conv", "/" + name, [input, name + ".weight", name + ".bias"], [(output, OnnxType.Float, [1, to, height, width])], OnnxAttribute.Ints("pads", 1, 1, 1, 1), OnnxAttribute.Ints("kernel_shape", 3, 3));
    }

    public static void Gemm(OnnxGraphBuilder g, string name, string input, string output, int from, int to)
    {
        g.Initializer<float>(name + ".weight", [from, to], Random(from * to, to, 0.2f));
        g.Initializer<float>(name + ".bias", [to], Random(to, from, 0.1f));
        g.Node("Gemm", "/" + name, [input, name + ".weight", name + ".bias"], [(output, OnnxType.Float, [1, to])]);
    }

    public static void MatMul(OnnxGraphBuilder g, string name, string input, string output, int from, int to)
    {
        g.Initializer<float>(name + ".weight", [from, to], Random(from * to, to, 0.2f));
        g.Initializer<float>(name + ".bias", [to], Random(to, from, 0.1f));
        g.Node("MatMul", "/" + name + "/MatMul", [input, name + ".weight"], [(output + "_product", OnnxType.Float, [1, 5, to])]);
        g.Node("Add", "/" + name + "/Add", [output + "_product", name + ".bias"], [(output, OnnxType.Float, [1, 5, to])]);
    }

    public static IEnumerable<IReadOnlyDictionary<string, OnnxTensor>> Samples(OnnxModel model, int count, int seed = 100)
    {
        var input = model.Proto.Graph.Input[0];
        long[] shape = [.. input.Type.TensorType.Shape.Dim.Select(static dim => dim.DimValue)];
        return Enumerable.Range(0, count).Select(index => new Dictionary<string, OnnxTensor> { [input.Name] = OnnxTensor.From<float>(Random((int)OnnxTypes.Count(shape), seed + index), shape) });
    }
}
