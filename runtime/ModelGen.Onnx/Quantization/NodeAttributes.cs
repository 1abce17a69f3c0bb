using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>Attributes of nodes with their defaults.</summary>
internal static class NodeAttributes
{
    public static long Int(this NodeProto node, string name, long missing = 0) => node.Attribute.FirstOrDefault(attribute => attribute.Name == name)?.I ?? missing;

    public static float Float(this NodeProto node, string name, float missing) => node.Attribute.FirstOrDefault(attribute => attribute.Name == name)?.F ?? missing;

    public static long[] Ints(this NodeProto node, string name, params long[] missing) => node.Attribute.FirstOrDefault(attribute => attribute.Name == name) is { } found ? [.. found.Ints] : missing;

    public static string Text(this NodeProto node, string name, string missing) => node.Attribute.FirstOrDefault(attribute => attribute.Name == name)?.S.ToStringUtf8() ?? missing;
}
