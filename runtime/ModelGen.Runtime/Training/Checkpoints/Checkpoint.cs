using static TorchSharp.torch;

namespace ModelGen;

/// <summary>Checkpoints that a <see cref="Trainer{TModel}"/> wrote (<see cref="CheckpointOptions"/>).</summary>
public static class Checkpoint
{
    /// <summary>The last whole checkpoint of a folder.</summary>
    /// <param name="directory">The folder.</param>
    /// <returns>Its path, or null when there is none.</returns>
    public static string? Last(string directory) => new CheckpointFolder(new CheckpointOptions(directory)).Files.FirstOrDefault(static path => Damage(path) is null);

    /// <summary>The checkpoint with the best monitored value of a folder.</summary>
    /// <param name="directory">The folder.</param>
    /// <returns>Its path, or null when there is none with a value.</returns>
    public static string? Best(string directory)
    {
        string? best = null;
        double bestValue = double.NaN;
        foreach (string path in new CheckpointFolder(new CheckpointOptions(directory)).Files)
        {
            if (Damage(path) is null && CheckpointFile.ReadState(path) is { Monitored: double value } state
                && (best is null || (state.Mode == MonitorMode.Min ? value <= bestValue : value >= bestValue)))
            {
                (best, bestValue) = (path, value);
            }
        }

        return best;
    }

    /// <summary>Whether a file is a whole checkpoint: reads and checks all of it.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The fault, or null for none.</returns>
    public static string? Damage(string path)
    {
        try
        {
            CheckpointFile.Read(path, static (_, _) => { });
            return null;
        }
        catch (CheckpointException exception)
        {
            return exception.Message;
        }
    }

    /// <summary>Loads a checkpoint's weights and running statistics into a model.</summary>
    /// <param name="path">The file.</param>
    /// <param name="model">The model; nothing changes when an exception is thrown.</param>
    /// <param name="averaged">Whether to load the averages where the fit kept some (<see cref="TrainerOptions.Averaging"/>); default true.</param>
    /// <exception cref="CheckpointException">The file is damaged, or the model has other tensors.</exception>
    public static void Load(string path, nn.Module model, bool averaged = true)
        => CheckpointFile.Read(path, (state, tensors) => Load(path, model, averaged ? Averages(tensors) : tensors));

    /// <summary>Copies the tensors of a model; all are checked before the first is changed.</summary>
    internal static void Load(string path, nn.Module model, IReadOnlyDictionary<string, Tensor> tensors)
    {
        (string Name, Tensor Tensor)[] own = [.. Tensors(model)];
        foreach ((string name, Tensor tensor) in own)
        {
            if (!tensors.TryGetValue(name, out Tensor? saved))
            {
                throw new CheckpointException($"{path} is of another model: it has no '{name}'.");
            }

            if (!saved.shape.AsSpan().SequenceEqual(tensor.shape) || saved.dtype != tensor.dtype)
            {
                throw new CheckpointException($"{path} is of another model: its '{name}' is {saved.dtype} [{string.Join(", ", saved.shape)}], the model's {tensor.dtype} [{string.Join(", ", tensor.shape)}].");
            }
        }

        using IDisposable guard = no_grad();
        foreach ((string name, Tensor tensor) in own)
        {
            tensor.copy_(tensors[name]).DisposeAliasOf(tensor);
        }
    }

    /// <summary>Parameters and buffers of a model by state-dict key.</summary>
    internal static IEnumerable<(string Name, Tensor Tensor)> Tensors(nn.Module model) => model.named_parameters().Select(static pair => (pair.name, (Tensor)pair.parameter))
        .Concat(model.named_buffers().Where(static pair => pair.name.Length > 0).Select(static pair => (pair.name, pair.buffer)))
        .DistinctBy(static pair => pair.Item1);

    private static Dictionary<string, Tensor> Averages(IReadOnlyDictionary<string, Tensor> tensors)
    {
        var result = tensors.ToDictionary(static pair => pair.Key, static pair => pair.Value, StringComparer.Ordinal);
        foreach ((string name, Tensor tensor) in tensors)
        {
            if (name.StartsWith(FitLoop.AveragePrefix, StringComparison.Ordinal))
            {
                result[name[FitLoop.AveragePrefix.Length..]] = tensor;
            }
        }

        return result;
    }
}
