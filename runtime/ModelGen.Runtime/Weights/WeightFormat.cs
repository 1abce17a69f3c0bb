namespace ModelGen.Weights;

/// <summary>Formats of files of weights.</summary>
public enum WeightFormat
{
    /// <summary>safetensors of Hugging Face: a JSON header and raw numbers. The one to prefer: it carries nothing but data, and every framework reads it.</summary>
    Safetensors,

    /// <summary>A <c>.pt</c> or <c>.pth</c> file of <c>torch.save</c>, read only.</summary>
    PyTorch,

    /// <summary>TorchSharp's own, of <c>module.save</c>.</summary>
    TorchSharp,
}
