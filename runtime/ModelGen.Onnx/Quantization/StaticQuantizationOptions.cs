namespace ModelGen.Onnx;

/// <summary>Settings of static INT8 quantization.</summary>
public sealed record StaticQuantizationOptions
{
    /// <summary>One weight scale per output channel (default) or one for the whole tensor.</summary>
    public bool PerChannel { get; init; } = true;

    /// <summary>Weights in 7 bits, for processors without VNNI, whose 8-bit products saturate; default false.</summary>
    public bool ReduceRange { get; init; }

    /// <summary>Names of nodes that stay float.</summary>
    public IReadOnlyCollection<string> ExcludeNodes { get; init; } = [];

    /// <summary>Operator types that stay float, such as <c>Add</c>.</summary>
    public IReadOnlyCollection<string> ExcludeOpTypes { get; init; } = [];
}

/// <summary>A quantized model and what was done.</summary>
/// <param name="Model">The model, in QDQ form, with the float model's inputs, outputs and metadata.</param>
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
    /// <inheritdoc/>
    public override string ToString() => string.Join("\n", Nodes.Select(static node => $"{(node.IsInteger ? "int8 " : "float")}  {node.OpType,-20} {node.Name,-40} {node.Reason}"));
}
