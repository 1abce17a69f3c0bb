using System.Runtime.InteropServices;
using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Optimization;

/// <summary>
/// Batch normalisation (inference) becomes part of the convolution or product before it. With s = scale / sqrt(variance + epsilon): W x + b normalised is (s W) x + s (b - mean) + shift.
/// ONNX Runtime folds it into convolutions itself, but neither into Gemm nor under quantization. Computed in float64.
/// </summary>
internal sealed class FoldBatchNorm : IModelPass
{
    public string Name => "batch norms folded";

    public int Run(ModelGraph graph)
    {
        int count = 0;
        foreach (NodeProto norm in graph.Nodes.Where(static node => node.Is("BatchNormalization")).ToArray())
        {
            count += Fold(graph, norm) ? 1 : 0;
        }

        graph.Commit();
        return count;
    }

    private static bool Fold(ModelGraph graph, NodeProto norm)
    {
        if (norm.Int("training_mode", 0) != 0 || norm.Input.Count != 5 || norm.Output.Count(static output => output.Length > 0) != 1
            || graph.Producer(norm.Input[0]) is not { } linear || graph.OnlyReader(norm.Input[0]) != norm || Constants(graph, norm.Input.Skip(1)) is not [var scale, var shift, var mean, var variance]
            || !linear.Has(1) || Floats(graph, linear.Input[1]) is not double[] weight)
        {
            return false;
        }

        TensorProto source = graph.Constant(linear.Input[1])!;
        long channels = scale.Length;
        double epsilon = norm.Float("epsilon", 1e-5f);
        double[] factor = [.. scale.Select((value, channel) => value / Math.Sqrt(variance[channel] + epsilon))];
        if (Channels(linear, [.. source.Dims]) is not { } channelOf || channelOf.Count != channels)
        {
            return false;
        }

        double[]? bias = linear.Has(2) ? Floats(graph, linear.Input[2]) : new double[channels];
        double weightOfBias = linear.OpType == "Gemm" ? linear.Float("beta", 1) : 1;
        if (bias is null || bias.Length != channels || (linear.Has(2) && !IsRow(graph.Constant(linear.Input[2])!)))
        {
            return false;
        }

        for (int i = 0; i < weight.Length; i++)
        {
            weight[i] *= factor[channelOf.Of(i)];
        }

        for (int channel = 0; channel < bias.Length; channel++)
        {
            bias[channel] = (((weightOfBias * bias[channel]) - mean[channel]) * factor[channel]) + shift[channel];
        }

        string output = norm.Output[0];
        string value = norm.Input[0];
        if (!graph.Bypass(norm, output, value))
        {
            return false;
        }

        graph.SetInput(linear, 1, graph.Add(Tensor(source, source.Name + "_folded", source.Dims, weight)));
        string name = graph.Add(Tensor(source, (linear.Has(2) ? linear.Input[2] : source.Name + "_bias") + "_folded", [channels], bias));
        if (linear.Input.Count == 2)
        {
            linear.Input.Add("");
        }

        graph.SetInput(linear, 2, name);
        if (linear.Attribute("beta") is { } beta)
        {
            beta.F = 1;
        }

        return true;
    }

    private static bool IsRow(TensorProto tensor) => tensor.Dims.Count == 1 || (tensor.Dims.Count == 2 && tensor.Dims[0] == 1);

    /// <summary>Which output channel each weight belongs to.</summary>
    private static ChannelMap? Channels(NodeProto node, long[] dims)
    {
        if (dims.Length < 2)
        {
            return null;
        }

        long inner = dims.Skip(1).Aggregate(1L, static (product, size) => product * size);
        switch (node.OpType)
        {
            case "Conv":
                return new ChannelMap(dims[0], index => index / inner);
            case "ConvTranspose":
                long groups = node.Int("group", 1);
                long taps = inner / dims[1];
                long sources = dims[0] / groups;
                return new ChannelMap(groups * dims[1], index => (index / inner / sources * dims[1]) + (index / taps % dims[1]));
            case "Gemm" when dims.Length == 2:
                return node.Int("transB", 0) != 0 ? new ChannelMap(dims[0], index => index / dims[1]) : new ChannelMap(dims[1], index => index % dims[1]);
            default:
                return null;
        }
    }

    private static double[][]? Constants(ModelGraph graph, IEnumerable<string> values)
    {
        double[][] all = [.. values.Select(value => Floats(graph, value)).OfType<double[]>()];
        return all.Length == values.Count() && all.All(values => values.Length == all[0].Length) ? all : null;
    }

    private static double[]? Floats(ModelGraph graph, string value) => graph.Constant(value) switch
    {
        { DataType: (int)OnnxType.Float } tensor => [.. TensorBytes.Floats(tensor)],
        { DataType: (int)OnnxType.Double } tensor => MemoryMarshal.Cast<byte, double>(TensorBytes.Raw(tensor).RawData.Span).ToArray(),
        _ => null,
    };

    private static TensorProto Tensor(TensorProto like, string name, IEnumerable<long> dims, double[] values) => like.DataType == (int)OnnxType.Double
        ? TensorBytes.Tensor<double>(name, dims, values)
        : TensorBytes.Tensor<float>(name, dims, Array.ConvertAll(values, static value => (float)value));

    private sealed record ChannelMap(long Count, Func<long, long> Of);
}
