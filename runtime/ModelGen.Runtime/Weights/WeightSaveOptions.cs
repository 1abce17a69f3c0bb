using ModelGen.Weights;

namespace ModelGen;

/// <summary>How <see cref="ModuleWeights.SaveWeights"/> writes a file.</summary>
public sealed record WeightSaveOptions
{
    /// <summary>Format; by default that of the extension: <c>.safetensors</c>, or <c>.dat</c> and <c>.bin</c> for TorchSharp's own.</summary>
    public WeightFormat? Format { get; init; }

    /// <summary>Text to write beside the tensors, in safetensors files only. <c>format</c> is <c>pt</c> unless given: Hugging Face's loaders ask for it.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();
}
