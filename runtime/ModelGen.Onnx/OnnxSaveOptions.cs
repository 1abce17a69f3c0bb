namespace ModelGen.Onnx;

/// <summary>How a model is written.</summary>
public sealed record OnnxSaveOptions
{
    /// <summary>
    /// Whether large constants go to a file of their own beside the model (<c>NAME.onnx.HASH.data</c>, each at a multiple of 4096 bytes). Default null: only when the model is
    /// too large for one file, 2 GB.
    /// </summary>
    public bool? ExternalData { get; init; }

    /// <summary>Bytes from which a constant goes to that file; default 1024.</summary>
    public long ExternalDataThreshold { get; init; } = 1024;

    /// <summary>Size from which external data is used by itself: what protobuf can hold, with room for the graph.</summary>
    internal long LargestFile { get; init; } = int.MaxValue - (64L << 20);
}
