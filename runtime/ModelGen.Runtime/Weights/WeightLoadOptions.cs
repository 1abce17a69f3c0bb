using ModelGen.Weights;

namespace ModelGen;

/// <summary>How <see cref="ModuleWeights.LoadWeights(TorchSharp.torch.nn.Module, string, WeightLoadOptions)"/> treats differences between a file and a model.</summary>
public sealed record WeightLoadOptions
{
    /// <summary>Whether every tensor of the model must be in the file and every tensor of the file in the model. Default true.</summary>
    public bool Strict { get; init; } = true;

    /// <summary>Whether tensors of another shape, or of a type that is not converted, are left out instead of refused; default false. With <see cref="Strict"/> they are refused all the same.</summary>
    public bool SkipMismatched { get; init; }

    /// <summary>Whether types must be the same; default false, then they are converted where no value is lost or overflows: see the remarks of <see cref="ModuleWeights"/>.</summary>
    public bool RequireSameType { get; init; }

    /// <summary>Key in the model for a key in the file; null leaves the tensor out. By default keys are the same.</summary>
    public Func<string, string?>? Rename { get; init; }

    /// <summary>For files of PyTorch: where the state dict is, keys separated by slashes; see <see cref="WeightFile.Open(string, string?, bool)"/>.</summary>
    public string? StateDictKey { get; init; }

    /// <summary>For files of PyTorch: whether numbers are compared with the checksums of the archive. Default true.</summary>
    public bool VerifyChecksums { get; init; } = true;
}
