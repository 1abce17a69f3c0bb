using Google.Protobuf;
using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>
/// Makes the channels between two products alike in size: outputs of the first are divided by a factor, which the second multiplies back in. The network computes the same, but
/// no channel is lost in another's scale any more (cross-layer equalisation: Nagel et al., arXiv:1906.04721).
/// </summary>
internal static class LayerEqualization
{
    private const int Sweeps = 20;
    private const double Settled = 1.01;

    // What scales with its input, channel by channel.
    private static readonly HashSet<string> Homogeneous = ["Relu", "LeakyRelu", "MaxPool", "AveragePool", "GlobalAveragePool", "Identity", "Dropout"];

    /// <summary>Changes the weights of a model in place.</summary>
    /// <returns>The number of pairs that were equalised.</returns>
    public static int Apply(OnnxModel model)
    {
        var index = new GraphIndex(model.Proto.Graph);
        IntegerProduct[] products = [.. model.Proto.Graph.Node.Where(node => IntegerProduct.Problem(node, index) is null).Select(node => IntegerProduct.Of(node, index))];
        (IntegerProduct First, IntegerProduct Second)[] pairs =
        [
            .. products.Select(first => (first, second: Follower(first, products, index))).Where(pair => pair.second is not null && CanChange(pair.first, index) && CanChange(pair.second!, index))
                .Select(static pair => (pair.first, pair.second!)).Where(pair => Channels(pair.Item1, index) == Inputs(pair.Item2, index)),
        ];
        var weights = new Dictionary<string, float[]>(StringComparer.Ordinal);
        float[] Of(string name) => weights.TryGetValue(name, out float[]? values) ? values : weights[name] = TensorBytes.Floats(index.FloatInitializer(name)!);
        for (int sweep = 0; sweep < Sweeps; sweep++)
        {
            double change = 1;
            foreach ((IntegerProduct first, IntegerProduct second) in pairs)
            {
                change = Math.Max(change, Equalize(first, second, index, Of));
            }

            if (change < Settled)
            {
                break;
            }
        }

        foreach ((string name, float[] values) in weights)
        {
            index.FloatInitializer(name)!.RawData = ByteString.CopyFrom(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(values));
            index.FloatInitializer(name)!.FloatData.Clear();
        }

        return pairs.Length;
    }

    private static IntegerProduct? Follower(IntegerProduct first, IntegerProduct[] products, GraphIndex index)
    {
        NodeProto? next = index.OnlyReader(first.Output);
        while (next is not null && Homogeneous.Contains(next.OpType))
        {
            next = index.OnlyReader(next.Output[0]);
        }

        return next is null ? null : products.FirstOrDefault(product => product.Node == next && product.Node.OpType == "Conv" == (first.Node.OpType == "Conv"));
    }

    private static bool CanChange(IntegerProduct product, GraphIndex index) =>
        index.Readers(product.Weight).Count == 1 && (product.Bias is null || index.Readers(product.Bias).Count == 1);

    private static long Channels(IntegerProduct product, GraphIndex index) => index.FloatInitializer(product.Weight)!.Dims[product.ChannelAxis];

    private static long Inputs(IntegerProduct product, GraphIndex index) =>
        index.FloatInitializer(product.Weight)!.Dims[1 - product.ChannelAxis] * (product.Node.OpType == "Conv" ? product.Node.Int("group", 1) : 1);

    private static double Equalize(IntegerProduct first, IntegerProduct second, GraphIndex index, Func<string, float[]> weights)
    {
        int channels = (int)Channels(first, index);
        float[] outputs = weights(first.Weight);
        float[] inputs = weights(second.Weight);
        float[] bias = first.Bias is null ? [] : weights(first.Bias);
        Func<int, int> writer = OutputOf(first, index);
        Func<int, int> reader = InputOf(second, index);
        float[] written = Largest(outputs, writer, channels);
        float[] read = Largest(inputs, reader, channels);
        double change = 1;
        float[] factors = new float[channels];
        for (int channel = 0; channel < channels; channel++)
        {
            double factor = written[channel] > 0 && read[channel] > 0 ? Math.Sqrt((double)written[channel] / read[channel]) : 1;
            factors[channel] = double.IsFinite(factor) && factor > 1e-20 ? (float)factor : 1;
            change = Math.Max(change, Math.Max(factors[channel], 1 / factors[channel]));
        }

        for (int i = 0; i < outputs.Length; i++)
        {
            outputs[i] /= factors[writer(i)];
        }

        for (int i = 0; i < bias.Length; i++)
        {
            bias[i] /= factors[i];
        }

        for (int i = 0; i < inputs.Length; i++)
        {
            inputs[i] *= factors[reader(i)];
        }

        return change;
    }

    private static float[] Largest(float[] weights, Func<int, int> channel, int channels)
    {
        float[] largest = new float[channels];
        for (int i = 0; i < weights.Length; i++)
        {
            ref float value = ref largest[channel(i)];
            value = Math.Max(value, Math.Abs(weights[i]));
        }

        return largest;
    }

    /// <summary>The output channel of a weight by its place in the tensor.</summary>
    private static Func<int, int> OutputOf(IntegerProduct product, GraphIndex index)
    {
        long[] dims = [.. index.FloatInitializer(product.Weight)!.Dims];
        int inner = (int)dims.Skip(product.ChannelAxis + 1).Aggregate(1L, static (count, size) => count * size);
        int channels = (int)dims[product.ChannelAxis];
        return place => place / inner % channels;
    }

    /// <summary>The input channel of a weight by its place in the tensor.</summary>
    private static Func<int, int> InputOf(IntegerProduct product, GraphIndex index)
    {
        long[] dims = [.. index.FloatInitializer(product.Weight)!.Dims];
        int axis = 1 - product.ChannelAxis;
        int inner = (int)dims.Skip(axis + 1).Aggregate(1L, static (count, size) => count * size);
        int perGroup = (int)dims[axis];
        int outputs = (int)(dims[product.ChannelAxis] / (product.Node.OpType == "Conv" ? product.Node.Int("group", 1) : 1));
        return product.Node.OpType == "Conv"
            ? place => (place / inner % perGroup) + (place / inner / perGroup / outputs * perGroup)
            : place => place / inner % perGroup;
    }
}
