using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Layers;

/// <summary>Fully connected layer.</summary>
internal sealed class LinearLayer : LayerDefinition
{
    public override string Name => "Linear";

    public override int Apply(LayerContext c, int[] inputs)
    {
        long features = c.Infer(inputs[0], -1, "number of input features");
        long outFeatures = c.Int("OutFeatures");
        int weight = c.Parameter("weight", outFeatures, features);
        int bias = c.Bool("Bias") ? c.Parameter("bias", outFeatures) : -1;
        return c.Graph.Add("linear", [inputs[0], weight, bias]);
    }

    public override IEnumerable<(string Name, int? Rank)> ParameterRanks(Func<string, object?> argument) => argument("Bias") is false ? [("weight", 2)] : [("weight", 2), ("bias", 1)];

    public override string Construct(Func<string, string> argument, IReadOnlyList<string> sizes) =>
        $"global::TorchSharp.torch.nn.Linear({sizes[0]}, {argument("OutFeatures")}, hasBias: {argument("Bias")})";
}

/// <summary>BatchNorm1d and BatchNorm2d.</summary>
internal sealed class BatchNormLayer(int spatial) : LayerDefinition
{
    public override string Name => spatial == 1 ? "BatchNorm1d" : "BatchNorm2d";

    public override int Apply(LayerContext c, int[] inputs)
    {
        TensorType x = c.Graph.TypeOf(inputs[0]);
        if (spatial == 1 ? x.Rank is not (2 or 3) : x.Rank != 4)
        {
            throw new OpException($"{Name} needs {(spatial == 1 ? "[N, C] or [N, C, L]" : "[N, C, H, W]")}, got {x.ShapeText()}");
        }

        long channels = c.Infer(inputs[0], 1, "number of channels");
        int weight = c.Parameter("weight", channels);
        int bias = c.Parameter("bias", channels);
        int mean = c.Buffer("running_mean", DType.Float32, channels);
        int variance = c.Buffer("running_var", DType.Float32, channels);
        int batches = c.Buffer("num_batches_tracked", DType.Int64);
        return c.Graph.Add("batch_norm", [inputs[0], weight, bias, mean, variance, batches], ("eps", c.Double("Epsilon")), ("momentum", c.Double("Momentum")));
    }

    public override IEnumerable<(string Name, int? Rank)> ParameterRanks(Func<string, object?> argument) => [("weight", 1), ("bias", 1)];

    public override string Construct(Func<string, string> argument, IReadOnlyList<string> sizes) =>
        $"global::TorchSharp.torch.nn.{Name}({sizes[0]}, eps: {argument("Epsilon")}, momentum: {argument("Momentum")})";
}

/// <summary>Layer normalisation over trailing dimensions.</summary>
internal sealed class LayerNormLayer : LayerDefinition
{
    public override string Name => "LayerNorm";

    public override int Apply(LayerContext c, int[] inputs)
    {
        long count = c.Int("Dimensions");
        int rank = c.Graph.TypeOf(inputs[0]).Rank;
        if (count < 1 || count > rank)
        {
            throw new OpException($"LayerNorm over {Invariant.Text(count)} dimension(s) does not fit the input {c.Graph.TypeOf(inputs[0]).ShapeText()}");
        }

        Dim[] shape = [.. Enumerable.Range(rank - (int)count, (int)count).Select(axis => (Dim)c.Infer(inputs[0], axis, "normalised size"))];
        int weight = c.Parameter("weight", shape);
        int bias = c.Parameter("bias", shape);
        return c.Graph.Add("layer_norm", [inputs[0], weight, bias], ("eps", c.Double("Epsilon")));
    }

    public override IEnumerable<(string Name, int? Rank)> ParameterRanks(Func<string, object?> argument)
    {
        int? rank = argument("Dimensions") is long count ? (int)count : null;
        return [("weight", rank), ("bias", rank)];
    }

    public override string Construct(Func<string, string> argument, IReadOnlyList<string> sizes) =>
        $"global::TorchSharp.torch.nn.LayerNorm(new long[] {{ {string.Join(", ", sizes)} }}, eps: {argument("Epsilon")})";

    public override int InferredSizes(Func<string, object?> argument) => argument("Dimensions") is long count ? (int)count : 1;
}

/// <summary>Dropout.</summary>
internal sealed class DropoutLayer : LayerDefinition
{
    public override string Name => "Dropout";

    public override int Apply(LayerContext c, int[] inputs) => c.Graph.Add("dropout", inputs, ("p", c.Double("Probability")));

    public override string Construct(Func<string, string> argument, IReadOnlyList<string> sizes) => $"global::TorchSharp.torch.nn.Dropout({argument("Probability")})";

    public override int InferredSizes(Func<string, object?> argument) => 0;
}

/// <summary>A table of learned vectors.</summary>
internal sealed class EmbeddingLayer : LayerDefinition
{
    public override string Name => "Embedding";

    public override int Apply(LayerContext c, int[] inputs) => c.Graph.Add("embedding", [c.Parameter("weight", c.Int("Count"), c.Int("Dimension")), inputs[0]]);

    public override IEnumerable<(string Name, int? Rank)> ParameterRanks(Func<string, object?> argument) => [("weight", 2)];

    public override string Construct(Func<string, string> argument, IReadOnlyList<string> sizes) =>
        $"global::TorchSharp.torch.nn.Embedding({argument("Count")}, {argument("Dimension")})";

    public override int InferredSizes(Func<string, object?> argument) => 0;
}

/// <summary>MaxPool2d and AvgPool2d.</summary>
internal sealed class PoolLayer(bool max) : LayerDefinition
{
    public override string Name => max ? "MaxPool2d" : "AvgPool2d";

    public override int Apply(LayerContext c, int[] inputs)
    {
        long[] kernel = c.Ints("KernelSize", 2);
        long[] stride = c.Argument("Stride") is null ? kernel : c.Ints("Stride", 2);
        (string, object)[] shared = [("kernel", kernel), ("stride", stride), ("padding", c.Ints("Padding", 2)), ("ceil", false)];
        return max
            ? c.Graph.Add("max_pool", inputs, [.. shared, ("dilation", new long[] { 1, 1 })])
            : c.Graph.Add("avg_pool", inputs, [.. shared, ("count_padding", true)]);
    }

    public override string Construct(Func<string, string> argument, IReadOnlyList<string> sizes)
    {
        string Two(string name) => $"global::ModelGen.Sizes.Two({argument(name)})";
        string stride = argument("Stride") == "null" ? Two("KernelSize") : Two("Stride");
        return $"global::TorchSharp.torch.nn.{Name}({Two("KernelSize")}, stride: {stride}, padding: {Two("Padding")})";
    }

    public override int InferredSizes(Func<string, object?> argument) => 0;
}

/// <summary>AdaptiveAvgPool2d.</summary>
internal sealed class AdaptiveAvgPoolLayer : LayerDefinition
{
    public override string Name => "AdaptiveAvgPool2d";

    public override int Apply(LayerContext c, int[] inputs) => c.Graph.Add("adaptive_avg_pool", inputs, ("size", c.Ints("OutputSize", 2)));

    public override string Construct(Func<string, string> argument, IReadOnlyList<string> sizes) =>
        $"global::TorchSharp.torch.nn.AdaptiveAvgPool2d(global::ModelGen.Sizes.Two({argument("OutputSize")}))";

    public override int InferredSizes(Func<string, object?> argument) => 0;
}

/// <summary>A learned tensor.</summary>
internal sealed class ParameterLayer : LayerDefinition
{
    public override string Name => "Parameter";

    public override string ModuleType => "global::TorchSharp.Modules.Parameter";

    public override (int Least, int Most) Inputs => (0, 0);

    public override int Apply(LayerContext c, int[] inputs)
    {
        long[] shape = c.Argument("Shape") as long[] ?? throw new UnsupportedException("the sizes of a parameter must be whole numbers");
        return c.Parameter("", [.. shape.Select(static size => (Dim)size)]);
    }

    public override IEnumerable<(string Name, int? Rank)> ParameterRanks(Func<string, object?> argument) => [("", argument("Shape") switch { long[] shape => shape.Length, object?[] shape => shape.Length, _ => null })];

    public override string Construct(Func<string, string> argument, IReadOnlyList<string> sizes) =>
        $"global::ModelGen.Sizes.Parameter({argument("Shape")}, {argument("Init")}, {argument("StandardDeviation")})";

    public override string Call(string module, IReadOnlyList<string> inputs, Func<string, string> argument) => module;

    public override int InferredSizes(Func<string, object?> argument) => 0;
}
