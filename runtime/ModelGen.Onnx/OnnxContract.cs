namespace ModelGen.Onnx;

/// <summary>An input or output that a session expects.</summary>
/// <param name="Name">Name in the graph.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Sizes; -1 for any.</param>
public sealed record OnnxContractEntry(string Name, OnnxType Type, long[] Shape)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {Type}[{string.Join(", ", Shape.Select(static size => size < 0 ? "any" : size.ToString(System.Globalization.CultureInfo.InvariantCulture)))}]";

    internal bool Accepts(OnnxContractEntry found) => Name == found.Name && Type == found.Type && Shape.Length == found.Shape.Length
        && Shape.Zip(found.Shape, static (expected, given) => expected < 0 || expected == given).All(static fits => fits);
}

/// <summary>What a typed session expects of a file.</summary>
/// <param name="Model">Class name, as the exporter writes it to the metadata key <c>modelgen.model</c>.</param>
/// <param name="Inputs">Inputs in order.</param>
/// <param name="Outputs">Outputs in order.</param>
public sealed record OnnxContract(string Model, OnnxContractEntry[] Inputs, OnnxContractEntry[] Outputs)
{
    /// <summary>Metadata key that holds the class name.</summary>
    public const string ModelKey = "modelgen.model";

    /// <summary>Checks a file.</summary>
    /// <param name="path">Name of the file, for the message.</param>
    /// <param name="metadata">The file's metadata.</param>
    /// <param name="inputs">Inputs of the file.</param>
    /// <param name="outputs">Outputs of the file.</param>
    /// <exception cref="OnnxContractException">The file belongs to another model.</exception>
    internal void Check(string path, IReadOnlyDictionary<string, string> metadata, IReadOnlyList<OnnxContractEntry> inputs, IReadOnlyList<OnnxContractEntry> outputs)
    {
        var rows = new List<string>();
        metadata.TryGetValue(ModelKey, out string? model);
        if (model is not null && model != Model)
        {
            rows.Add($"  model   expected {Model}, found {model}");
        }

        Compare(rows, "input", [.. Inputs.Select(entry => Pixels(entry, metadata))], inputs);
        Compare(rows, "output", [.. Outputs.Select((entry, index) => index == 0 ? Form(entry, metadata) : entry)], outputs);
        if (rows.Count > 0)
        {
            throw new OnnxContractException($"{path} is not a file of {Model}:\n{string.Join("\n", rows)}\nExport it again with {Model}.ExportOnnx, or open it with the class it was exported from.");
        }
    }

    /// <summary>An input that takes raw pixels in this file.</summary>
    private static OnnxContractEntry Pixels(OnnxContractEntry entry, IReadOnlyDictionary<string, string> metadata) =>
        !metadata.TryGetValue(OnnxBoundary.PixelsKey, out string? pixels) || entry.Shape.Length != 4 ? entry
        : pixels == entry.Name + "=NHWC" ? entry with { Type = OnnxType.UInt8, Shape = [entry.Shape[0], entry.Shape[2], entry.Shape[3], entry.Shape[1]] }
        : pixels == entry.Name + "=NCHW" ? entry with { Type = OnnxType.UInt8 }
        : entry;

    /// <summary>An output that is the best class in this file.</summary>
    private static OnnxContractEntry Form(OnnxContractEntry entry, IReadOnlyDictionary<string, string> metadata) =>
        metadata.TryGetValue(OnnxBoundary.OutputKey, out string? form) && form == nameof(OnnxOutputForm.ArgMax) && entry.Shape.Length >= 2
            ? entry with { Type = OnnxType.Int64, Shape = [entry.Shape[0], .. entry.Shape[2..]] }
            : entry;

    private static void Compare(List<string> rows, string kind, OnnxContractEntry[] expected, IReadOnlyList<OnnxContractEntry> found)
    {
        for (int i = 0; i < Math.Max(expected.Length, found.Count); i++)
        {
            OnnxContractEntry? want = i < expected.Length ? expected[i] : null;
            OnnxContractEntry? have = i < found.Count ? found[i] : null;
            if (want is null || have is null || !want.Accepts(have))
            {
                rows.Add($"  {kind,-7} expected {want?.ToString() ?? "nothing"}, found {have?.ToString() ?? "nothing"}");
            }
        }
    }
}

/// <summary>A file does not belong to the class that opens it; the message lists the differences.</summary>
/// <param name="message">The differences.</param>
public sealed class OnnxContractException(string message) : Exception(message);
