using System.Globalization;
using Google.Protobuf;
using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Optimization;

/// <summary>Equal constants become one.</summary>
internal sealed class MergeEqualConstants : IModelPass
{
    public string Name => "constants merged";

    public int Run(ModelGraph graph)
    {
        var known = new Dictionary<(int Type, string Dims, int Sample), List<TensorProto>>();
        int count = 0;
        foreach (TensorProto tensor in graph.Graph.Initializer.ToArray())
        {
            if (graph.Constant(tensor.Name) is null || graph.IsOutput(tensor.Name) || graph.IsCaptured(tensor.Name) || TensorBytes.Bits(tensor.DataType) is null)
            {
                continue;
            }

            ByteString data = TensorBytes.Raw(tensor).RawData;
            var key = (tensor.DataType, string.Join(",", tensor.Dims.Select(static size => size.ToString(CultureInfo.InvariantCulture))), Sample(data.Span));
            if (!known.TryGetValue(key, out List<TensorProto>? alike))
            {
                known[key] = alike = [];
            }

            if (alike.Find(other => TensorBytes.Raw(other).RawData.Span.SequenceEqual(data.Span)) is { } first)
            {
                graph.Redirect(tensor.Name, first.Name);
                count++;
            }
            else
            {
                alike.Add(tensor);
            }
        }

        graph.Commit();
        return count;
    }

    /// <summary>A hash of some of the bytes: weights are large and differ everywhere.</summary>
    private static int Sample(ReadOnlySpan<byte> data)
    {
        const int Step = 61;
        var hash = default(HashCode);
        for (int i = 0; i < data.Length; i += 1 + (data.Length / Step))
        {
            hash.Add(data[i]);
        }

        return hash.ToHashCode();
    }
}

/// <summary>Nodes that compute the same from the same operands become one.</summary>
internal sealed class MergeEqualNodes : IModelPass
{
    public string Name => "nodes merged";

    public int Run(ModelGraph graph)
    {
        var known = new Dictionary<string, NodeProto>(StringComparer.Ordinal);
        int count = 0;
        foreach (NodeProto node in graph.Nodes.Where(static node => node.IsPure() && node.Input.Count > 0).ToArray())
        {
            string key = Key(node);
            if (known.TryAdd(key, node) || node.Output.Any(output => graph.IsOutput(output) || graph.IsCaptured(output)))
            {
                continue;
            }

            NodeProto first = known[key];
            graph.Remove(node);
            for (int i = 0; i < node.Output.Count; i++)
            {
                graph.Redirect(node.Output[i], first.Output[i]);
            }

            count++;
        }

        graph.Commit();
        return count;
    }

    private static string Key(NodeProto node) => string.Join('\n', node.Input.Append(node.OpType).Append(string.Join(',', node.Output.Select(static output => output.Length > 0)))
        .Concat(node.Attribute.OrderBy(static attribute => attribute.Name, StringComparer.Ordinal).Select(static attribute => attribute.ToByteString().ToBase64())));
}
