namespace ModelGen.Onnx;

/// <summary>Settings of weight-only quantization.</summary>
public sealed record WeightQuantizationOptions
{
    /// <summary>Bits of a weight: 4 or 8 (default).</summary>
    public int Bits { get; init; } = 8;

    /// <summary>Weights that share a scale, along the inputs of an output channel: a power of two of at least 16; default 32.</summary>
    public int BlockSize { get; init; } = 32;

    /// <summary>Whether zero lies in the middle of the integers (default), or each block has a zero point of its own.</summary>
    public bool Symmetric { get; init; } = true;

    /// <summary>Lets ONNX Runtime round the activations of a block to 8 bits, which is faster (default); otherwise it computes in float32.</summary>
    public bool IntegerArithmetic { get; init; } = true;

    /// <summary>Names of nodes that stay float.</summary>
    public IReadOnlyCollection<string> ExcludeNodes { get; init; } = [];

    internal void Check()
    {
        if (Bits is not (4 or 8))
        {
            throw new ArgumentException($"Weights can have 4 or 8 bits, not {Bits}.");
        }

        if (BlockSize < 16 || (BlockSize & (BlockSize - 1)) != 0)
        {
            throw new ArgumentException($"The block size must be a power of two of at least 16, got {BlockSize}.");
        }
    }
}
