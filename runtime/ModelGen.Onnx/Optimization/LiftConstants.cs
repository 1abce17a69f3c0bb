using Google.Protobuf;
using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Optimization;

/// <summary>Constant nodes become initialisers.</summary>
internal sealed class LiftConstants : IModelPass
{
    public string Name => "constants lifted";

    public int Run(ModelGraph graph)
    {
        int count = 0;
        foreach (NodeProto node in graph.Nodes.Where(static node => node.Is("Constant")).ToArray())
        {
            // An output must come from a node.
            if (node.Attribute is [var attribute] && node.Output is [var output] && !graph.IsOutput(output) && Tensor(attribute, output) is { } tensor)
            {
                graph.Remove(node);
                graph.Define(tensor);
                count++;
            }
        }

        graph.Commit();
        return count;
    }

    private static TensorProto? Tensor(AttributeProto attribute, string name)
    {
        switch (attribute.Name)
        {
            case "value" when attribute.T is { DataLocation: TensorProto.Types.DataLocation.Default } value:
                TensorProto copy = value.Clone();
                copy.Name = name;
                return copy;
            case "value_float":
                return TensorBytes.Tensor<float>(name, [], [attribute.F]);
            case "value_floats":
                return TensorBytes.Tensor<float>(name, [attribute.Floats.Count], attribute.Floats.ToArray());
            case "value_int":
                return TensorBytes.Tensor<long>(name, [], [attribute.I]);
            case "value_ints":
                return TensorBytes.Tensor<long>(name, [attribute.Ints.Count], attribute.Ints.ToArray());
            case "value_string":
                return Texts(name, [], [attribute.S]);
            case "value_strings":
                return Texts(name, [attribute.Strings.Count], attribute.Strings);
            default:
                return null;
        }
    }

    private static TensorProto Texts(string name, long[] dims, IEnumerable<ByteString> values) =>
        new() { Name = name, Dims = { dims }, DataType = (int)TensorProto.Types.DataType.String, StringData = { values } };
}
