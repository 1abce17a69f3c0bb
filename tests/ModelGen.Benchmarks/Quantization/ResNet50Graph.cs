using ModelGen.Onnx;

namespace ModelGen.Benchmarks;

/// <summary>ResNet-50 (He et al., arXiv:1512.03385; stride in the 3x3 convolution) with batch normalisation folded, 224x224, random weights: 25.5 million parameters.</summary>
internal static class ResNet50Graph
{
    public static OnnxModel Build()
    {
        var g = new OnnxGraphBuilder("ResNet50");
        var random = new Random(1);
        g.Input("x", OnnxType.Float, [1, 3, 224, 224]);
        string value = Conv(g, random, "stem", "x", 3, 64, 7, 2, 112, relu: true);
        g.Node("MaxPool", "/pool", [value], [("pooled", OnnxType.Float, [1, 64, 56, 56])], OnnxAttribute.Ints("kernel_shape", 3, 3), OnnxAttribute.Ints("strides", 2, 2), OnnxAttribute.Ints("pads", 1, 1, 1, 1));
        value = "pooled";
        int channels = 64;
        int size = 56;
        foreach ((int width, int blocks, int stride) in new[] { (64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2) })
        {
            for (int block = 0; block < blocks; block++)
            {
                string name = $"layer{width}.{block}";
                int step = block == 0 ? stride : 1;
                int next = size / step;
                string y = Conv(g, random, name + ".conv1", value, channels, width, 1, 1, size, relu: true);
                y = Conv(g, random, name + ".conv2", y, width, width, 3, step, next, relu: true);
                y = Conv(g, random, name + ".conv3", y, width, 4 * width, 1, 1, next, relu: false);
                string skip = block == 0 ? Conv(g, random, name + ".downsample", value, channels, 4 * width, 1, step, next, relu: false) : value;
                g.Node("Add", $"/{name}/add", [y, skip], [(name + ".sum", OnnxType.Float, [1, 4 * width, next, next])]);
                g.Node("Relu", $"/{name}/relu", [name + ".sum"], [(name, OnnxType.Float, [1, 4 * width, next, next])]);
                (value, channels, size) = (name, 4 * width, next);
            }
        }

        g.Node("GlobalAveragePool", "/mean", [value], [("mean", OnnxType.Float, [1, 2048, 1, 1])]);
        g.Initializer<long>("flat", [2], [1, 2048]);
        g.Node("Reshape", "/flatten", ["mean", "flat"], [("features", OnnxType.Float, [1, 2048])]);
        g.Initializer<float>("fc.weight", [2048, 1000], Normal(random, 2048 * 1000, 0.02));
        g.Initializer<float>("fc.bias", [1000], new float[1000]);
        g.Node("Gemm", "/fc", ["features", "fc.weight", "fc.bias"], [("y", OnnxType.Float, [1, 1000])]);
        g.Output("y", OnnxType.Float, [1, 1000]);
        return g.Build();
    }

    public static float[] Normal(Random random, int count, double scale) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)(scale * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];

    private static string Conv(OnnxGraphBuilder g, Random random, string name, string input, int from, int to, int kernel, int stride, int size, bool relu)
    {
        // The last convolution of a block adds to its input: smaller weights keep the sum from growing.
        double scale = Math.Sqrt(2.0 / (from * kernel * kernel)) * (relu ? 1 : 0.5);
        g.Initializer<float>(name + ".weight", [to, from, kernel, kernel], Normal(random, to * from * kernel * kernel, scale));
        g.Initializer<float>(name + ".bias", [to], Normal(random, to, 0.05));
        int pad = kernel / 2;
        g.Node("Conv", "/" + name, [input, name + ".weight", name + ".bias"], [(name + ".out", OnnxType.Float, [1, to, size, size])], OnnxAttribute.Ints("kernel_shape", kernel, kernel), OnnxAttribute.Ints("strides", stride, stride), OnnxAttribute.Ints("pads", pad, pad, pad, pad));
        if (!relu)
        {
            return name + ".out";
        }

        g.Node("Relu", $"/{name}/relu", [name + ".out"], [(name + ".relu", OnnxType.Float, [1, to, size, size])]);
        return name + ".relu";
    }
}
