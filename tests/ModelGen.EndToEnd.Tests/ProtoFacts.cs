using ModelGen.Onnx;
using ModelGen.Onnx.Proto;

namespace ModelGen.EndToEnd.Tests;

/// <summary>What holds of every exported graph.</summary>
internal static class ProtoFacts
{
    public static void Check(OnnxModel model)
    {
        GraphProto graph = model.Proto.Graph;
        model.Validate();
        Assert.NotEmpty(model.Proto.ProducerVersion);
        Assert.NotEmpty(model.Proto.DocString);
        Assert.All(graph.Input.Concat(graph.Output), static value => Assert.NotEmpty(value.DocString));

        // Types and static shapes of every value, for tools that do no shape inference.
        HashSet<string> known = [.. graph.ValueInfo.Concat(graph.Output).Select(static value => value.Name)];
        Assert.All(graph.Node.SelectMany(static node => node.Output).Where(static output => output.Length > 0), output => Assert.Contains(output, known));
        Assert.All(graph.ValueInfo, static value => Assert.All(value.Type.TensorType.Shape.Dim, static dim => Assert.Equal(TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue, dim.ValueCase)));

        // Hierarchical unique names, and where each node comes from.
        Assert.All(graph.Node, static node => Assert.StartsWith("/", node.Name));
        Assert.Distinct(graph.Node.Select(static node => node.Name));
        Assert.All(graph.Node, static node => Assert.Contains(node.MetadataProps, static entry => entry.Key == OnnxGraphBuilder.MemberKey));

        Assert.DoesNotContain(graph.Node, node => node.OpType == "Identity" && graph.Input.All(input => input.Name != node.Input[0]) && graph.Initializer.All(tensor => tensor.Name != node.Input[0])
            && graph.Output.All(output => output.Name != node.Input[0]));
    }
}
