using System.Runtime.InteropServices;
using Google.Protobuf;
using ModelGen.Onnx.Optimization;
using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx;

/// <summary>
/// Turns float32 models into float16 or bfloat16 ones: half the size, and fast where the execution provider has kernels (CUDA, TensorRT, CoreML, DirectML). ONNX Runtime's CPU
/// provider computes float16 models in float32 between casts, and has next to no kernels for bfloat16. Inputs and outputs stay float32.
/// </summary>
public static class OnnxPrecision
{
    /// <summary>What stands for minus infinity in masks is larger than any real value.</summary>
    private const float StandsForInfinity = 1e30f;

    private const float LargestHalf = 65504;

    private const float SmallestHalf = 5.9604645e-8f;

    /// <summary>Operands that are float32 by definition.</summary>
    private static readonly Dictionary<string, int[]> Float32Operands = new(StringComparer.Ordinal) { ["Resize"] = [1, 2], ["Upsample"] = [1] };

    /// <summary>Operators that name an element type in an attribute.</summary>
    private static readonly Dictionary<string, string> TypeAttributes = new(StringComparer.Ordinal)
    {
        ["Cast"] = "to",
        ["EyeLike"] = "dtype",
        ["RandomNormal"] = "dtype",
        ["RandomNormalLike"] = "dtype",
        ["RandomUniform"] = "dtype",
        ["RandomUniformLike"] = "dtype",
        ["Bernoulli"] = "dtype",
    };

    /// <summary>Converts a model.</summary>
    /// <param name="model">A float32 model; not changed.</param>
    /// <param name="type"><see cref="OnnxType.Float16"/> or <see cref="OnnxType.BFloat16"/>, which needs operator set 22 or newer.</param>
    /// <returns>The converted model.</returns>
    /// <exception cref="ArgumentException">Another type is asked for, or the operator set is too old for it.</exception>
    /// <exception cref="NotSupportedException">The model is quantized or has nested graphs, or a weight is too large for float16.</exception>
    public static OnnxModel Convert(OnnxModel model, OnnxType type)
    {
        if (type is not (OnnxType.Float16 or OnnxType.BFloat16))
        {
            throw new ArgumentException($"Models are converted to Float16 or BFloat16, not {type}.", nameof(type));
        }

        model.Validate(model.Proto.Graph.Name);
        ModelProto copy = model.Proto.Clone();
        var lifted = new ModelGraph(copy);
        new LiftConstants().Run(lifted);
        var graph = new ModelGraph(copy);
        if (type == OnnxType.BFloat16 && graph.Opset < 22)
        {
            throw new ArgumentException($"bfloat16 needs operator set 22 or newer, where convolutions and pooling take it; the model has {graph.Opset}.", nameof(type));
        }

        foreach (NodeProto node in copy.Graph.Node)
        {
            if (!(node.Domain is "" or "ai.onnx") || node.OpType is "QuantizeLinear" or "DequantizeLinear" || node.Attribute.Any(static attribute => attribute.G is not null || attribute.Graphs.Count > 0))
            {
                throw new NotSupportedException($"The node '{node.Name}' ({node.OpType}) cannot be converted to {type}: quantized nodes, nested graphs and operators of other domains stay float32. Convert before quantizing.");
            }
        }

        Constants(copy.Graph, type);
        foreach (NodeProto node in copy.Graph.Node)
        {
            Attributes(node, type);
        }

        foreach (ValueInfoProto info in copy.Graph.ValueInfo.Where(static info => info.Type?.TensorType?.ElemType == (int)OnnxType.Float))
        {
            info.Type.TensorType.ElemType = (int)type;
        }

        Boundary(copy.Graph, type);
        var result = new OnnxModel(copy);
        result.Validate($"{model.Proto.Graph.Name} as {type}");
        return result;
    }

    /// <summary>Converts constants, except those that an operator wants in float32; one that both want is written twice.</summary>
    private static void Constants(GraphProto graph, OnnxType type)
    {
        var kept = new HashSet<string>(StringComparer.Ordinal);
        var converted = new HashSet<string>(StringComparer.Ordinal);
        Dictionary<string, TensorProto> floats = graph.Initializer.Where(static tensor => tensor.DataType == (int)OnnxType.Float).ToDictionary(static tensor => tensor.Name, StringComparer.Ordinal);
        foreach (NodeProto node in graph.Node)
        {
            for (int i = 0; i < node.Input.Count; i++)
            {
                if (floats.ContainsKey(node.Input[i]))
                {
                    (Float32Operands.TryGetValue(node.OpType, out int[]? operands) && operands.Contains(i) ? kept : converted).Add(node.Input[i]);
                }
            }
        }

        foreach (TensorProto tensor in floats.Values.Where(tensor => converted.Contains(tensor.Name) || !kept.Contains(tensor.Name)))
        {
            if (kept.Contains(tensor.Name))
            {
                TensorProto original = tensor.Clone();
                original.Name += "_float32";
                graph.Initializer.Add(original);
                foreach (NodeProto node in graph.Node.Where(node => Float32Operands.ContainsKey(node.OpType)))
                {
                    foreach (int operand in Float32Operands[node.OpType].Where(operand => operand < node.Input.Count && node.Input[operand] == tensor.Name))
                    {
                        node.Input[operand] = original.Name;
                    }
                }
            }

            float[] values = TensorBytes.Floats(tensor);
            tensor.FloatData.Clear();
            tensor.RawData = Bytes(tensor.Name, values, type);
            tensor.DataType = (int)type;
        }
    }

    private static ByteString Bytes(string name, float[] values, OnnxType type)
    {
        if (type == OnnxType.BFloat16)
        {
            return ByteString.CopyFrom(MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(values, Truncate)));
        }

        var halves = new Half[values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            float value = values[i];
            halves[i] = (Half)(Math.Abs(value) <= LargestHalf || !float.IsFinite(value)
                ? values.Length == 1 && value != 0 && Math.Abs(value) < SmallestHalf ? MathF.CopySign(SmallestHalf, value) : value
                : Math.Abs(value) >= StandsForInfinity ? MathF.CopySign(LargestHalf, value)
                : throw new NotSupportedException($"The constant '{name}' holds {value}, beyond float16's {LargestHalf}. Export as BFloat16, or scale the weights."));
        }

        return ByteString.CopyFrom(MemoryMarshal.AsBytes<Half>(halves));
    }

    /// <summary>The upper half of a float32, rounded to nearest, ties to even.</summary>
    private static ushort Truncate(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
    }

    private static void Attributes(NodeProto node, OnnxType type)
    {
        if (TypeAttributes.TryGetValue(node.OpType, out string? name))
        {
            if (node.Attribute(name) is { } attribute)
            {
                attribute.I = attribute.I == (int)OnnxType.Float ? (int)type : attribute.I;
            }
            else if (node.OpType is "RandomNormal" or "RandomUniform")
            {
                node.Attribute.Add(OnnxAttribute.Int(name, (int)type).Proto);
            }
        }

        if (node.OpType == "ConstantOfShape")
        {
            AttributeProto value = node.Attribute("value") ?? new AttributeProto { Name = "value", Type = AttributeProto.Types.AttributeType.Tensor, T = TensorBytes.Tensor<float>("", [1], [0]) };
            if (!node.Attribute.Any(static attribute => attribute.Name == "value"))
            {
                node.Attribute.Add(value);
            }

            if (value.T.DataType == (int)OnnxType.Float)
            {
                value.T = new TensorProto { Dims = { value.T.Dims }, DataType = (int)type, RawData = Bytes(node.Name, TensorBytes.Floats(value.T), type) };
            }
        }
    }

    /// <summary>Casts at float32 inputs and outputs.</summary>
    private static void Boundary(GraphProto graph, OnnxType type)
    {
        HashSet<string> constants = [.. graph.Initializer.Select(static tensor => tensor.Name)];
        var casts = new List<NodeProto>();
        foreach (ValueInfoProto input in graph.Input.Where(input => input.Type?.TensorType?.ElemType == (int)OnnxType.Float && !constants.Contains(input.Name)))
        {
            string low = Fresh(graph, input.Name + "_" + type);
            Rename(graph, input.Name, low, outputs: false);
            casts.Add(Cast(graph, input.Name, low, type, input));
        }

        for (int i = casts.Count - 1; i >= 0; i--)
        {
            graph.Node.Insert(0, casts[i]);
        }

        foreach (ValueInfoProto output in graph.Output.Where(static output => output.Type?.TensorType?.ElemType == (int)OnnxType.Float).ToArray())
        {
            string low = Fresh(graph, output.Name + "_" + type);
            Rename(graph, output.Name, low, outputs: true);
            graph.Node.Add(Cast(graph, low, output.Name, OnnxType.Float, output, lowIsInput: true, type));
        }
    }

    private static NodeProto Cast(GraphProto graph, string from, string to, OnnxType type, ValueInfoProto like, bool lowIsInput = false, OnnxType low = OnnxType.Float16)
    {
        ValueInfoProto info = like.Clone();
        info.Name = lowIsInput ? from : to;
        info.DocString = "";
        info.Type.TensorType.ElemType = (int)(lowIsInput ? low : type);
        graph.ValueInfo.Add(info);
        return new NodeProto { OpType = "Cast", Name = FreshNode(graph, "/" + to + "/Cast"), Input = { from }, Output = { to }, Attribute = { OnnxAttribute.Int("to", (int)type).Proto } };
    }

    private static void Rename(GraphProto graph, string from, string to, bool outputs)
    {
        foreach (NodeProto node in graph.Node)
        {
            for (int i = 0; i < node.Input.Count; i++)
            {
                node.Input[i] = node.Input[i] == from ? to : node.Input[i];
            }

            for (int i = 0; outputs && i < node.Output.Count; i++)
            {
                node.Output[i] = node.Output[i] == from ? to : node.Output[i];
            }
        }
    }

    private static string Fresh(GraphProto graph, string wanted)
    {
        HashSet<string> taken = [.. graph.Node.SelectMany(static node => node.Output.Concat(node.Input)), .. graph.Initializer.Select(static tensor => tensor.Name)];
        while (taken.Contains(wanted))
        {
            wanted += "_";
        }

        return wanted;
    }

    private static string FreshNode(GraphProto graph, string wanted)
    {
        while (graph.Node.Any(node => node.Name == wanted))
        {
            wanted += "_";
        }

        return wanted;
    }
}
