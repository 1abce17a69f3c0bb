using System.Runtime.InteropServices;
using Google.Protobuf;
using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>Turns float32 tensors into float16, with casts at the graph's inputs and outputs and around what needs float32.</summary>
internal sealed class HalfConverter(ModelProto model)
{
    // The largest finite float16.
    private const float Largest = 65504;

    // Operators whose types do not include float16, or whose sums overflow in it.
    private static readonly HashSet<string> Single =
    [
        "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "ReduceSumSquare", "ReduceLogSumExp", "CumSum", "Range", "RandomNormal", "RandomUniform", "RandomNormalLike",
        "RandomUniformLike", "NonMaxSuppression", "TopK", "RoiAlign", "Resize", "Upsample", "GridSample", "STFT", "DFT", "MelWeightMatrix", "LSTM", "GRU", "RNN", "Loop", "If", "Scan",
        "MatMulNBits", "SequenceConstruct", "ConstantOfShape", "EyeLike",
    ];

    private readonly Dictionary<string, string> halves = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> singles = new(StringComparer.Ordinal);
    private readonly HashSet<string> floats = new(StringComparer.Ordinal);

    public IReadOnlyList<QuantizedNode> Run()
    {
        GraphProto graph = model.Graph;
        Dictionary<string, TensorProto> constants = graph.Initializer.Where(static tensor => tensor.DataType == (int)OnnxType.Float).ToDictionary(static tensor => tensor.Name, StringComparer.Ordinal);
        HashSet<string> known = FloatValues(graph);
        HashSet<string> outputs = [.. graph.Output.Select(static output => output.Name)];
        var report = new List<QuantizedNode>();
        NodeProto[] nodes = [.. graph.Node];
        graph.Node.Clear();
        foreach (string input in graph.Input.Select(static input => input.Name).Where(known.Contains))
        {
            floats.Add(input);
        }

        foreach (NodeProto node in nodes)
        {
            bool single = Single.Contains(node.OpType) || node.Attribute.Any(static attribute => attribute.G is not null);
            bool any = node.Output.Any(known.Contains) || node.Input.Any(input => known.Contains(input) || constants.ContainsKey(input));
            for (int i = 0; i < node.Input.Count; i++)
            {
                string input = node.Input[i];
                node.Input[i] = constants.TryGetValue(input, out TensorProto? constant) ? (single ? input : Half(constant))
                    : !known.Contains(input) ? input
                    : single ? InSingle(input) : InHalf(input);
            }

            if (node.OpType == "Cast" && node.Int("to") == (long)OnnxType.Float)
            {
                node.Attribute.First(static attribute => attribute.Name == "to").I = (long)OnnxType.Float16;
            }

            graph.Node.Add(node);
            report.Add(new QuantizedNode(node.Name, node.OpType, false, !any ? "no floats" : single ? "needs float32" : "float16"));
            for (int i = 0; i < node.Output.Count; i++)
            {
                string output = node.Output[i];
                if (!known.Contains(output))
                {
                    continue;
                }

                if (single)
                {
                    floats.Add(output);
                }
                else if (outputs.Contains(output))
                {
                    node.Output[i] = output + "_half";
                    halves[output] = output + "_half";
                    Cast(output + "_half", output, OnnxType.Float);
                }
                else
                {
                    halves[output] = output;
                }
            }
        }

        foreach (ValueInfoProto info in graph.ValueInfo.Where(info => halves.TryGetValue(info.Name, out string? name) && name == info.Name))
        {
            info.Type.TensorType.ElemType = (int)OnnxType.Float16;
        }

        QdqWriter.DropUnused(graph);
        model.MetadataProps.Add(new StringStringEntryProto { Key = "modelgen.quantization", Value = "float16" });
        return report;
    }

    private static HashSet<string> FloatValues(GraphProto graph)
    {
        HashSet<string> floats = [.. graph.ValueInfo.Concat(graph.Input).Concat(graph.Output).Where(static value => value.Type?.TensorType?.ElemType == (int)OnnxType.Float).Select(static value => value.Name)];
        HashSet<string> typed = [.. graph.ValueInfo.Concat(graph.Input).Concat(graph.Output).Select(static value => value.Name)];
        string? unknown = graph.Node.SelectMany(static node => node.Output).FirstOrDefault(output => output.Length > 0 && !typed.Contains(output));
        return unknown is null ? floats : throw new OnnxFormatException($"The value '{unknown}' has no value_info, so its type is not known; run ONNX shape inference on the model first.");
    }

    private string Half(TensorProto tensor)
    {
        string name = tensor.Name + "_half";
        if (halves.TryAdd(tensor.Name, name))
        {
            // Too large to be float16: the nearest it can hold. Infinite masks stay infinite.
            Half[] values = [.. TensorBytes.Floats(tensor).Select(static value => float.IsFinite(value) ? (Half)Math.Clamp(value, -Largest, Largest) : (Half)value)];
            model.Graph.Initializer.Add(new TensorProto { Name = name, Dims = { tensor.Dims }, DataType = (int)OnnxType.Float16, RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<Half>(values)) });
        }

        return name;
    }

    private string InHalf(string value)
    {
        if (!halves.TryGetValue(value, out string? name))
        {
            halves[value] = name = value + "_half";
            Cast(value, name, OnnxType.Float16);
        }

        return name;
    }

    private string InSingle(string value)
    {
        if (floats.Contains(value) || !halves.TryGetValue(value, out string? half))
        {
            return value;
        }

        if (!singles.TryGetValue(value, out string? name))
        {
            // A graph output has a float32 form already.
            bool isOutput = half != value;
            singles[value] = name = isOutput ? value : value + "_single";
            if (!isOutput)
            {
                Cast(half, name, OnnxType.Float);
            }
        }

        return name;
    }

    private void Cast(string from, string to, OnnxType type) =>
        model.Graph.Node.Add(new NodeProto { OpType = "Cast", Name = "/cast/" + to, Input = { from }, Output = { to }, Attribute = { OnnxAttribute.Int("to", (long)type).Proto } });
}
