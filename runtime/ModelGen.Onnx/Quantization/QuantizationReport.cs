using System.Text.Json;
using System.Text.Json.Serialization;

namespace ModelGen.Onnx;

/// <summary>A quantized model and what was done.</summary>
/// <param name="Model">The model, with the float model's inputs, outputs and metadata.</param>
/// <param name="Report">What was quantized and what was not.</param>
public sealed record QuantizationResult(OnnxModel Model, QuantizationReport Report);

/// <summary>What became of one node.</summary>
/// <param name="Name">Name of the node.</param>
/// <param name="OpType">Operator.</param>
/// <param name="IsInteger">Whether it is set up to run in integers.</param>
/// <param name="Reason">Why it is, or is not.</param>
public sealed record QuantizedNode(string Name, string OpType, bool IsInteger, string Reason);

/// <summary>What was quantized and what was not.</summary>
/// <param name="Nodes">All nodes of the float model, in order.</param>
public sealed record QuantizationReport(IReadOnlyList<QuantizedNode> Nodes)
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <summary>What was done to the weights before quantization, a sentence each.</summary>
    public IReadOnlyList<string> Steps { get; init; } = [];

    /// <summary>Bytes of the float model.</summary>
    public long FloatBytes { get; init; }

    /// <summary>Bytes of the quantized model.</summary>
    public long QuantizedBytes { get; init; }

    /// <summary>The report as JSON.</summary>
    /// <returns>Indented JSON with camelCase names.</returns>
    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <summary>A table of the nodes.</summary>
    /// <returns>A line per node: int8 or float, operator, name and reason.</returns>
    public override string ToString() => string.Join("\n", Nodes.Select(static node => $"{(node.IsInteger ? "int8 " : "float")}  {node.OpType,-20} {node.Name,-40} {node.Reason}"));
}
