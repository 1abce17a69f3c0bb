using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>Brings a model into the form that the quantizers work on: a copy whose nodes have unique names and whose constants are initialisers with their bytes in place.</summary>
internal static class GraphPreparation
{
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
