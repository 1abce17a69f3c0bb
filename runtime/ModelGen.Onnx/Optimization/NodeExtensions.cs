using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Optimization;

/// <summary>Attributes of nodes, and facts about operators.</summary>
internal static class NodeExtensions
{
    private static readonly HashSet<string> Random = ["RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial"];

    /// <summary>Whether a node is an operator of ai.onnx.</summary>
    public static bool Is(this NodeProto node, string op) => node.OpType == op && (node.Domain is "" or "ai.onnx");

    /// <summary>Whether equal operands give equal results, and nothing but the operands counts.</summary>
    public static bool IsPure(this NodeProto node) => (node.Domain is "" or "ai.onnx") && !Random.Contains(node.OpType)
        && node.Attribute.All(static attribute => attribute.G is null && attribute.Graphs.Count == 0) && !(node.OpType == "Dropout" && node.Input.Count > 2 && node.Input[2].Length > 0);

    public static AttributeProto? Attribute(this NodeProto node, string name) => node.Attribute.FirstOrDefault(attribute => attribute.Name == name);

    public static long Int(this NodeProto node, string name, long absent) => node.Attribute(name)?.I ?? absent;

    public static float Float(this NodeProto node, string name, float absent) => node.Attribute(name)?.F ?? absent;

    /// <summary>Whether an operand is given.</summary>
    public static bool Has(this NodeProto node, int index) => index < node.Input.Count && node.Input[index].Length > 0;
}
