using System.Globalization;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using ModelGen.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>
/// One checkpoint: a safetensors file. The model's tensors have their state-dict keys, so other tools read them as weights; what else a fit needs has names that start with <c>@</c>, and the rest
/// is text beside the tensors. Every tensor and the text have a checksum.
/// </summary>
internal static class CheckpointFile
{
    public const string RandomState = "@random.torch";
    private const string StateKey = "modelgen.fit";
    private const string SumsKey = "modelgen.checksums";
    private const string TextSumKey = "modelgen.text";

    /// <summary>Whether a tensor of a file is state of a fit beside the model's weights.</summary>
    public static bool IsStateOfFit(WeightFile file, string name) => name.StartsWith('@') && file.Metadata.ContainsKey(StateKey);

    /// <summary>Writes a checkpoint, whole or not at all.</summary>
    /// <exception cref="CheckpointException">The disk is full or the folder cannot be written; nothing at <paramref name="path"/> has changed.</exception>
    public static void Write(string path, IReadOnlyList<(string Name, Tensor Tensor)> tensors, FitState state)
    {
        var writer = new SafetensorsWriter();
        var sums = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string name, Tensor tensor) in tensors)
        {
            writer.Add(name, tensor);
            sums[name] = Sum(tensor);
        }

        string text = state.ToJson();
        string list = JsonSerializer.Serialize(sums);
        writer.Metadata[StateKey] = text;
        writer.Metadata[SumsKey] = list;
        writer.Metadata[TextSumKey] = Sum(text, list);
        try
        {
            // .NET reports a file system's limit on the size of files as ArgumentOutOfRangeException.
            writer.Write(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException)
        {
            throw new CheckpointException($"The checkpoint {path} cannot be written: {exception.Message} Checkpoints before it are as they were.", exception);
        }
    }

    /// <summary>Reads the text of a checkpoint and checks it.</summary>
    /// <exception cref="CheckpointException">The file is damaged or no checkpoint.</exception>
    public static FitState ReadState(string path)
    {
        using WeightFile file = Open(path);
        return State(file, path).State;
    }

    /// <summary>Reads a checkpoint, checks all of it, and only then hands its tensors out.</summary>
    /// <param name="path">The file.</param>
    /// <param name="use">Gets text and tensors; the tensors are freed afterwards.</param>
    /// <exception cref="CheckpointException">The file is damaged or no checkpoint; <paramref name="use"/> was not called.</exception>
    public static void Read(string path, Action<FitState, IReadOnlyDictionary<string, Tensor>> use)
    {
        using DisposeScope scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        FitState state;
        using (WeightFile file = Open(path))
        {
            (state, Dictionary<string, string> sums) = State(file, path);
            if (sums.Count != file.Entries.Count || file.Entries.Any(entry => !sums.ContainsKey(entry.Name)))
            {
                throw new CheckpointException($"{path} is damaged: it has other tensors than were written.");
            }

            foreach (WeightEntry entry in file.Entries)
            {
                Tensor tensor;
                try
                {
                    tensor = file.ReadTensor(entry);
                }
                catch (WeightFormatException exception)
                {
                    throw new CheckpointException($"{path} is damaged: {exception.Message}", exception);
                }

                if (Sum(tensor) != sums[entry.Name])
                {
                    throw new CheckpointException($"{path} is damaged: the checksum of '{entry.Name}' is not that of what was written.");
                }

                tensors[entry.Name] = tensor;
            }
        }

        use(state, tensors);
    }

    private static WeightFile Open(string path)
    {
        try
        {
            return WeightFile.Open(path);
        }
        catch (WeightFormatException exception)
        {
            throw new CheckpointException($"{path} is damaged or no checkpoint: {exception.Message}", exception);
        }
    }

    private static (FitState State, Dictionary<string, string> Sums) State(WeightFile file, string path)
    {
        if (!file.Metadata.TryGetValue(StateKey, out string? text) || !file.Metadata.TryGetValue(SumsKey, out string? list) || !file.Metadata.TryGetValue(TextSumKey, out string? sum))
        {
            throw new CheckpointException($"{path} is no checkpoint of a fit, or damaged: it lacks the state of the fit.");
        }

        if (Sum(text, list) != sum)
        {
            throw new CheckpointException($"{path} is damaged: the checksum of its text is not that of what was written.");
        }

        try
        {
            return (FitState.FromJson(text), JsonSerializer.Deserialize<Dictionary<string, string>>(list)!);
        }
        catch (JsonException exception)
        {
            throw new CheckpointException($"{path} was written by another version of ModelGen: {exception.Message}", exception);
        }
    }

    private static string Sum(Tensor tensor)
    {
        var hash = new XxHash3();
        TensorBytes.Visit(tensor, hash.Append);

        // Type and sizes too: bytes alone say nothing about them.
        hash.Append(Encoding.UTF8.GetBytes(FormattableString.Invariant($"{tensor.dtype} [{string.Join(",", tensor.shape)}]")));
        return hash.GetCurrentHashAsUInt64().ToString("x16", CultureInfo.InvariantCulture);
    }

    private static string Sum(string text, string list) => XxHash3.HashToUInt64(MemoryMarshal.AsBytes<char>(text + "\n" + list)).ToString("x16", CultureInfo.InvariantCulture);
}
