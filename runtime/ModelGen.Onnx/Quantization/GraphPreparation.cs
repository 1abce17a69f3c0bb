using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>Brings a model into the form that the quantizers work on: a copy whose nodes have unique names and whose constants are initialisers with their bytes in place, and none of whose values has a name that a quantizer gives.</summary>
internal static class GraphPreparation
{
    // What the quantizers append to the names of values, and to those of products for their weights and biases.
    private static readonly string[] Suffixes = ["_scale", "_zero_point", "_quantized", "_packed", "_dequantized", "_float", "_rows"];

    public static OnnxModel Prepare(OnnxModel model, int opset)
    {
        ModelProto copy = model.Proto.Clone();
        OperatorSetIdProto set = copy.OpsetImport.FirstOrDefault(static set => set.Domain is "" or "ai.onnx") ?? throw new OnnxFormatException("The model does not name its version of the ai.onnx operator set.");
        if (set.Version < opset)
        {
            throw new NotSupportedException($"The model uses opset {set.Version}; this quantization needs opset {opset} or later. Export the model again with a later opset, or convert it with ONNX's version converter.");
        }

        if (copy.Graph.Initializer.FirstOrDefault(static tensor => tensor.DataLocation == TensorProto.Types.DataLocation.External) is { } external)
        {
            throw new NotSupportedException($"The initialiser '{external.Name}' lies in another file; load the model with its external data first.");
        }

        LiftConstants(copy.Graph);
        NameNodes(copy.Graph);
        FreeNames(copy.Graph);
        return new OnnxModel(copy);
    }

    private static void LiftConstants(GraphProto graph)
    {
        foreach (NodeProto node in graph.Node.Where(static node => node.OpType == "Constant" && node.Domain.Length == 0).ToArray())
        {
            if (node.Attribute.FirstOrDefault(static attribute => attribute.Name == "value")?.T is { } value)
            {
                TensorProto tensor = value.Clone();
                tensor.Name = node.Output[0];
                graph.Initializer.Add(tensor);
                graph.Node.Remove(node);
            }
        }
    }

    /// <summary>Renames inner values such as <c>a_scale</c> beside a value <c>a</c>.</summary>
    private static void FreeNames(GraphProto graph)
    {
        HashSet<string> values = [.. graph.Input.Select(static input => input.Name), .. graph.Initializer.Select(static tensor => tensor.Name), .. graph.Node.SelectMany(static node => node.Output)];
        HashSet<string> bases = [.. values, .. graph.Node.SelectMany(static node => new[] { node.Name + "/weight", node.Name + "/bias" })];
        string[] taken = [.. values.Where(name => Suffixes.Any(suffix => name.EndsWith(suffix, StringComparison.Ordinal) && bases.Contains(name[..^suffix.Length])))];
        if (taken.Length == 0)
        {
            return;
        }

        HashSet<string> outside = [.. graph.Input.Concat(graph.Output).Select(static value => value.Name), .. graph.Node.SelectMany(Nested).SelectMany(static inner => inner.Input)];
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string name in taken.Where(name => !outside.Contains(name)))
        {
            string fresh = name + "_";
            while (!values.Add(fresh))
            {
                fresh += "_";
            }

            names[name] = fresh;
        }

        foreach (TensorProto tensor in graph.Initializer)
        {
            tensor.Name = names.GetValueOrDefault(tensor.Name, tensor.Name);
        }

        foreach (ValueInfoProto info in graph.ValueInfo)
        {
            info.Name = names.GetValueOrDefault(info.Name, info.Name);
        }

        foreach (NodeProto node in graph.Node)
        {
            for (int i = 0; i < node.Input.Count; i++)
            {
                node.Input[i] = names.GetValueOrDefault(node.Input[i], node.Input[i]);
            }

            for (int i = 0; i < node.Output.Count; i++)
            {
                node.Output[i] = names.GetValueOrDefault(node.Output[i], node.Output[i]);
            }
        }
    }

    /// <summary>All nodes of the graphs inside a node; what they read by name keeps it.</summary>
    private static IEnumerable<NodeProto> Nested(NodeProto node) => node.Attribute.SelectMany(static attribute => attribute.G is null ? attribute.Graphs : attribute.Graphs.Append(attribute.G))
        .SelectMany(static graph => graph.Node.Concat(graph.Node.SelectMany(Nested)));

    private static void NameNodes(GraphProto graph)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < graph.Node.Count; i++)
        {
            NodeProto node = graph.Node[i];
            string name = node.Name.Length > 0 ? node.Name : $"/{node.OpType}_{i}";
            while (!names.Add(name))
            {
                name += "_";
            }

            node.Name = name;
        }
    }
}
