using ModelGen.Weights;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>Loads and saves the weights (parameters and persistent buffers) of any TorchSharp module.</summary>
/// <remarks>
/// Types are converted like this: the same type is copied bit for bit; between floating-point types (float16, bfloat16, float32, float64) values are rounded to the nearest, ties to even, and
/// refused when a finite value becomes infinite; the same holds between complex types; whole numbers (truth values count as 0 and 1) are converted when every value fits. Nothing else is
/// converted.
/// </remarks>
public static class ModuleWeights
{
    /// <summary>
    /// Loads weights from a file of any format of <see cref="WeightFormat"/>, found by its content. All is read and checked before the model is changed; it takes the size of the weights in memory once
    /// more for that time. Of a checkpoint of the trainer it takes the weights as the last update left them; <see cref="Checkpoint.Load(string, nn.Module, bool)"/> takes the averages and checks the checksums.
    /// </summary>
    /// <param name="model">The model, on any device. Its own tensors receive the values, so optimizers and compiled steps go on with them.</param>
    /// <param name="path">The file.</param>
    /// <param name="options">What differences are allowed; by default none.</param>
    /// <returns>What became of each tensor.</returns>
    /// <exception cref="WeightFormatException">The file is missing, damaged, of no supported format, or asks for code to run. The model is unchanged.</exception>
    /// <exception cref="WeightMismatchException">File and model differ more than the options allow. The model is unchanged.</exception>
    /// <exception cref="InvalidOperationException">The model has no parameters and no buffers, as without <c>RegisterComponents()</c>, or some are on the device meta.</exception>
    public static WeightLoadReport LoadWeights(this nn.Module model, string path, WeightLoadOptions? options = null)
    {
        options ??= new WeightLoadOptions();
        using var file = WeightFile.Open(path, options.StateDictKey, options.VerifyChecksums);
        return LoadWeights(model, file, options);
    }

    /// <summary>Loads weights from an open file.</summary>
    /// <param name="model">The model, on any device.</param>
    /// <param name="file">The file; how it was opened decides about <see cref="WeightLoadOptions.StateDictKey"/> and <see cref="WeightLoadOptions.VerifyChecksums"/>.</param>
    /// <param name="options">What differences are allowed; by default none.</param>
    /// <returns>What became of each tensor.</returns>
    /// <exception cref="WeightFormatException">The file is damaged. The model is unchanged.</exception>
    /// <exception cref="WeightMismatchException">File and model differ more than the options allow. The model is unchanged.</exception>
    /// <exception cref="InvalidOperationException">The model has no parameters and no buffers, as without <c>RegisterComponents()</c>, or some are on the device meta.</exception>
    public static WeightLoadReport LoadWeights(this nn.Module model, WeightFile file, WeightLoadOptions? options = null)
    {
        using var load = new WeightLoad(model, file, options ?? new WeightLoadOptions());
        return load.Run();
    }

    /// <summary>Saves the weights of a model. The file appears whole or not at all; one that is there is replaced.</summary>
    /// <param name="model">The model, on any device.</param>
    /// <param name="path">The file; its extension gives the format unless the options do.</param>
    /// <param name="options">Format and metadata.</param>
    /// <exception cref="ArgumentException">The extension stands for no format.</exception>
    /// <exception cref="InvalidOperationException">The model has no parameters and no buffers, as without <c>RegisterComponents()</c>.</exception>
    /// <exception cref="NotSupportedException">A PyTorch file is asked for, metadata for TorchSharp's format, or the model has a tensor that the format lacks.</exception>
    /// <exception cref="IOException">The folder is missing or the disk is full; what was at <paramref name="path"/> is still there.</exception>
    public static void SaveWeights(this nn.Module model, string path, WeightSaveOptions? options = null)
    {
        options ??= new WeightSaveOptions();
        Dictionary<string, Tensor> state = StateOf(model);
        switch (options.Format ?? FormatOf(path))
        {
            case WeightFormat.Safetensors:
                SaveSafetensors(state, path, options);
                break;
            case WeightFormat.TorchSharp:
                if (options.Metadata.Count > 0)
                {
                    throw new NotSupportedException("TorchSharp's format has no place for metadata; save as .safetensors.");
                }

                AtomicFile.Write(path, stream => TorchSharpWriter.Write(state, stream));
                break;
            default:
                throw new NotSupportedException($"{path}: files of torch.save are only read. Save as .safetensors; Python reads that with safetensors.torch.load_file.");
        }
    }

    /// <summary>The parameters and persistent buffers of a model.</summary>
    internal static Dictionary<string, Tensor> StateOf(nn.Module model) => model.state_dict() is { Count: > 0 } state
        ? state
        : throw new InvalidOperationException($"{model.GetType().Name} has no parameters and no buffers. If it has layers, call RegisterComponents() at the end of its constructor, and keep lists of layers in a ModuleList.");

    private static WeightFormat FormatOf(string path) => Path.GetExtension(path).ToLowerInvariant() switch
    {
        ".safetensors" => WeightFormat.Safetensors,
        ".dat" or ".bin" => WeightFormat.TorchSharp,
        ".pt" or ".pth" => WeightFormat.PyTorch,
        _ => throw new ArgumentException($"{path}: the extension stands for no format. Use .safetensors, or .dat or .bin for TorchSharp's own, or give WeightSaveOptions.Format.", nameof(path)),
    };

    private static void SaveSafetensors(Dictionary<string, Tensor> state, string path, WeightSaveOptions options)
    {
        var writer = new SafetensorsWriter { Metadata = { ["format"] = "pt" } };
        foreach ((string key, string value) in options.Metadata)
        {
            writer.Metadata[key] = value;
        }

        foreach ((string key, Tensor tensor) in state)
        {
            writer.Add(key, tensor);
        }

        writer.Write(path);
    }
}
