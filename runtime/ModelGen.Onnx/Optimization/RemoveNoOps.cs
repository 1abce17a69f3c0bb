using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Optimization;

/// <summary>Nodes that give their operand back disappear, and chains of shape changes and of transpositions become one.</summary>
internal sealed class RemoveNoOps : IModelPass
{
    public string Name => "no-ops removed";

    public int Run(ModelGraph graph)
    {
        int count = 0;
        foreach (NodeProto node in graph.Nodes.ToArray())
        {
            if (node.Domain is not ("" or "ai.onnx") || node.Input.Count == 0 || node.Output.Count == 0)
            {
                continue;
            }

            count += Shorten(graph, node) ? 1 : 0;
            count += Same(graph, node) is string value && graph.Bypass(node, node.Output[0], value) ? 1 : 0;
        }

        graph.Commit();
        return count;
    }

    /// <summary>The operand that a node gives back; null when it does something.</summary>
    private static string? Same(ModelGraph graph, NodeProto node)
    {
        string input = node.Input[0];
        string output = node.Output[0];
        switch (node.OpType)
        {
            case "Identity":
            case "Concat" or "Sum" or "Max" or "Min" or "Mean" when node.Input.Count == 1:
                return input;
            case "Dropout":
                return graph.Opset < 7 || (node.Has(2) && !(graph.Constant(node.Input[2]) is { } training && IsAll(training, 0))) ? null : input;
            case "Cast":
                return graph.ElementType(input) is not 0 and int type && type == node.Int("to", 0) ? input : null;
            case "Reshape" or "Expand" or "Flatten" or "Squeeze" or "Unsqueeze" or "Tile" or "Pad":
                return SameShape(graph, input, output) && (node.OpType is not ("Pad" or "Tile") || IsIdle(graph, node)) ? input : null;
            case "Transpose":
                long[]? order = Order(graph, node);
                return order is not null && order.Index().All(static pair => pair.Item == pair.Index) ? input : null;
            case "Add" or "Mul" when node.Input.Count == 2:
                return Neutral(graph, node, 0, 1, node.OpType == "Add" ? 0 : 1) ?? Neutral(graph, node, 1, 0, node.OpType == "Add" ? 0 : 1);
            case "Sub" or "Div" or "Pow" when node.Input.Count == 2:
                return Neutral(graph, node, 0, 1, node.OpType == "Sub" ? 0 : 1);
            default:
                return null;
        }
    }

    /// <summary>A shape change of a shape change reads the first operand; a transposition of a transposition is one.</summary>
    private static bool Shorten(ModelGraph graph, NodeProto node)
    {
        if (graph.Producer(node.Input[0]) is not { } before || before.Domain is not ("" or "ai.onnx"))
        {
            return false;
        }

        if (node.OpType == "Reshape" && before.OpType is "Reshape" or "Flatten" or "Squeeze" or "Unsqueeze"
            && graph.Constant(node.Input[1]) is { } shape && !TensorBytes.Longs(shape).Contains(0))
        {
            graph.SetInput(node, 0, before.Input[0]);
            return true;
        }

        if (node.OpType == "Transpose" && before.OpType == "Transpose" && Order(graph, node) is { } second && Order(graph, before) is { } first && first.Length == second.Length)
        {
            AttributeProto perm = node.Attribute("perm") ?? new AttributeProto { Name = "perm", Type = AttributeProto.Types.AttributeType.Ints };
            if (!node.Attribute.Contains(perm))
            {
                node.Attribute.Add(perm);
            }

            perm.Ints.Clear();
            perm.Ints.AddRange(second.Select(axis => first[axis]));
            graph.SetInput(node, 0, before.Input[0]);
            return true;
        }

        return false;
    }

    private static long[]? Order(ModelGraph graph, NodeProto node) => node.Attribute("perm") is { } perm ? [.. perm.Ints]
        : graph.Shape(node.Input[0]) is { } shape ? [.. Enumerable.Range(0, shape.Length).Select(axis => (long)(shape.Length - 1 - axis))] : null;

    private static bool SameShape(ModelGraph graph, string a, string b) => graph.Shape(a) is { } first && graph.Shape(b) is { } second && first.SequenceEqual(second);

    /// <summary>Negative padding could cancel out in shape, so the amounts count.</summary>
    private static bool IsIdle(ModelGraph graph, NodeProto node) => node.Has(1) && graph.Constant(node.Input[1]) is { } amounts && IsAll(amounts, node.OpType == "Pad" ? 0 : 1);

    private static string? Neutral(ModelGraph graph, NodeProto node, int value, int constant, double neutral) =>
        graph.Constant(node.Input[constant]) is { } tensor && IsAll(tensor, neutral) && SameShape(graph, node.Input[value], node.Output[0])
        && graph.ElementType(node.Input[value]) == graph.ElementType(node.Output[0]) ? node.Input[value] : null;

    private static bool IsAll(TensorProto tensor, double value)
    {
        ReadOnlySpan<byte> bytes = TensorBytes.Raw(tensor).RawData.Span;
        return (OnnxType)tensor.DataType switch
        {
            OnnxType.Float => All<float>(bytes, (float)value),
            OnnxType.Double => All(bytes, value),
            OnnxType.Int64 => All(bytes, (long)value),
            OnnxType.Int32 => All(bytes, (int)value),
            OnnxType.Bool => All(bytes, (byte)value),
            _ => false,
        };
    }

    private static bool All<T>(ReadOnlySpan<byte> bytes, T value)
        where T : unmanaged, IEquatable<T> => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, T>(bytes).IndexOfAnyExcept(value) < 0;
}
