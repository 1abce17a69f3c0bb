using System.Collections.Concurrent;
using Google.Protobuf;
using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>
/// Divides each channel of a normalised activation by <c>max|x|^a / max|w|^(1-a)</c> and multiplies the weights that read it: SmoothQuant (Xiao et al., arXiv:2211.10438). The factors
/// go into the normalisation's own scale and shift, so the network computes the same with the same number of operations.
/// </summary>
internal static class ActivationSmoothing
{
    private static readonly HashSet<string> Normalisations = ["LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization"];

    /// <summary>Changes the weights of a model in place.</summary>
    /// <returns>The number of normalisations that were smoothed.</returns>
    public static int Apply(OnnxModel model, IEnumerable<IReadOnlyDictionary<string, OnnxTensor>> samples, double exponent)
    {
        var index = new GraphIndex(model.Proto.Graph);
        Dictionary<string, NodeProto> norms = model.Proto.Graph.Node.Where(node => CanSmooth(node, index)).ToDictionary(static node => node.Output[0], StringComparer.Ordinal);
        if (norms.Count == 0)
        {
            return 0;
        }

        var largest = new ConcurrentDictionary<string, float[]>(StringComparer.Ordinal);
        using (var reader = new ActivationReader(model, norms.Keys))
        {
            foreach (IReadOnlyDictionary<string, OnnxTensor> sample in samples)
            {
                reader.Read(sample, (name, values, shape) =>
                {
                    float[] channels = largest.GetOrAdd(name, _ => new float[shape[^1]]);
                    for (int i = 0; i < values.Length; i++)
                    {
                        ref float value = ref channels[i % channels.Length];
                        value = Math.Max(value, Math.Abs(values[i]));
                    }
                });
            }
        }

        foreach ((string name, NodeProto norm) in norms.Where(pair => largest.ContainsKey(pair.Key)))
        {
            Smooth(norm, index, largest[name], exponent);
        }

        return norms.Count;
    }

    private static bool CanSmooth(NodeProto node, GraphIndex index)
    {
        if (!Normalisations.Contains(node.OpType) || node.Int("axis", -1) is not -1 and not 2 || node.Output.Skip(1).Any(static output => output.Length > 0) || index.IsOutput(node.Output[0]))
        {
            return false;
        }

        bool own = node.Input.Skip(1).All(input => index.FloatInitializer(input) is { Dims.Count: 1 } && index.Readers(input).Count == 1);
        IReadOnlyList<NodeProto> readers = index.Readers(node.Output[0]);
        return own && readers.Count > 0 && readers.All(reader =>
            reader.OpType is "MatMul" or "Gemm" && reader.Input[0] == node.Output[0] && IntegerProduct.Problem(reader, index) is null && index.Readers(reader.Input[1]).Count == 1);
    }

    private static void Smooth(NodeProto norm, GraphIndex index, float[] activations, double exponent)
    {
        IReadOnlyList<NodeProto> readers = index.Readers(norm.Output[0]);
        float[] weights = new float[activations.Length];
        foreach (NodeProto reader in readers)
        {
            ForEach(reader, index, (channel, value) =>
            {
                weights[channel] = Math.Max(weights[channel], Math.Abs(value));
                return value;
            });
        }

        float[] factors =
        [
            .. activations.Select((activation, channel) =>
            {
                double factor = Math.Pow(Math.Max(activation, 1e-5), exponent) / Math.Pow(Math.Max(weights[channel], 1e-5), 1 - exponent);
                return (float)Math.Clamp(factor, 1e-5, 1e5);
            }),
        ];
        foreach (string constant in norm.Input.Skip(1))
        {
            TensorProto tensor = index.FloatInitializer(constant)!;
            Write(tensor, [.. TensorBytes.Floats(tensor).Select((value, channel) => value / factors[channel])]);
        }

        foreach (NodeProto reader in readers)
        {
            ForEach(reader, index, (channel, value) => value * factors[channel]);
        }
    }

    private static void ForEach(NodeProto product, GraphIndex index, Func<int, float, float> change)
    {
        TensorProto tensor = index.FloatInitializer(product.Input[1])!;
        float[] values = TensorBytes.Floats(tensor);
        bool transposed = product.Int("transB") != 0;
        int columns = (int)tensor.Dims[1];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = change(transposed ? i % columns : i / columns, values[i]);
        }

        Write(tensor, values);
    }

    private static void Write(TensorProto tensor, float[] values)
    {
        tensor.FloatData.Clear();
        tensor.RawData = ByteString.CopyFrom(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(values));
    }
}
