using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Layers;

/// <summary>Conv1d and Conv2d.</summary>
internal sealed class ConvLayer(int spatial) : LayerDefinition
{
    public override string Name => spatial == 1 ? "Conv1d" : "Conv2d";

    public override int Apply(LayerContext c, int[] inputs)
    {
        TensorType x = c.Graph.TypeOf(inputs[0]);
        if (x.Rank != spatial + 2)
        {
            throw new OpException($"{Name} needs {(spatial == 1 ? "[N, C, L]" : "[N, C, H, W]")}, got {x.ShapeText()}");
        }

        long channels = c.Infer(inputs[0], 1, "number of input channels");
        long groups = c.Int("Groups");
        long outChannels = c.Int("OutChannels");
        if (groups < 1 || channels % groups != 0 || outChannels % groups != 0)
        {
            throw new OpException($"{Name}: {Invariant.Text(channels)} input and {Invariant.Text(outChannels)} output channels must both be multiples of Groups = {Invariant.Text(groups)}");
        }

        long[] kernel = c.Ints("KernelSize", spatial);
        long[] stride = c.Ints("Stride", spatial);
        long[] dilation = c.Ints("Dilation", spatial);
        int weight = c.Parameter("weight", [outChannels, channels / groups, .. kernel.Select(static size => (Dim)size)]);
        int bias = c.Bool("Bias") ? c.Parameter("bias", outChannels) : -1;
        return c.Graph.Add(
            "conv",
            [inputs[0], weight, bias],
            ("stride", stride),
            ("padding", Padding(c, kernel, stride, dilation)),
            ("dilation", dilation),
            ("groups", groups));
    }

    public override IEnumerable<(string Name, int? Rank)> ParameterRanks(Func<string, object?> argument) => argument("Bias") is false ? [("weight", spatial + 2)] : [("weight", spatial + 2), ("bias", 1)];

    public override string Construct(Func<string, string> argument, IReadOnlyList<string> sizes)
    {
        string Size(string name) => spatial == 1 ? $"global::ModelGen.Sizes.One({argument(name)})" : $"global::ModelGen.Sizes.Two({argument(name)})";
        string padding = spatial == 1
            ? $"global::ModelGen.Sizes.Padding1({argument("Padding")}, {argument("KernelSize")}, {argument("Dilation")})"
            : $"global::ModelGen.Sizes.Padding2({argument("Padding")}, {argument("KernelSize")}, {argument("Dilation")})";
        return $"global::TorchSharp.torch.nn.{Name}({sizes[0]}, {argument("OutChannels")}, {Size("KernelSize")}, stride: {Size("Stride")}, padding: {padding}, "
            + $"dilation: {Size("Dilation")}, groups: {argument("Groups")}, bias: {argument("Bias")})";
    }

    private long[] Padding(LayerContext c, long[] kernel, long[] stride, long[] dilation)
    {
        if (c.Argument("Padding") is not string same)
        {
            return c.Ints("Padding", spatial);
        }

        if (same != "same" || stride.Any(static value => value != 1) || kernel.Any(static size => size % 2 == 0))
        {
            throw new OpException($"Padding = \"{same}\" is not possible: \"same\" needs stride 1 and an odd kernel; otherwise give the padding as a number");
        }

        return [.. kernel.Select((size, axis) => dilation[axis] * (size - 1) / 2)];
    }
}
