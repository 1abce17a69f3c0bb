namespace ModelGen.Onnx;

/// <summary>Settings of dynamic INT8 quantization.</summary>
public sealed record DynamicQuantizationOptions
{
    /// <summary>One weight scale per output channel (default) or one for the whole tensor.</summary>
    public bool PerChannel { get; init; } = true;

    /// <summary>Weights in 7 bits, for processors without VNNI, whose 8-bit products saturate; default false.</summary>
    public bool ReduceRange { get; init; }

    /// <summary>Names of nodes that stay float.</summary>
    public IReadOnlyCollection<string> ExcludeNodes { get; init; } = [];
}
