using System.Text;
using ModelGen.Weights;

namespace ModelGen;

/// <summary>What became of a tensor when weights were loaded.</summary>
public enum WeightState
{
    /// <summary>In the file and the model, and it fits.</summary>
    Loaded,

    /// <summary>In the model only.</summary>
    Missing,

    /// <summary>In the file only.</summary>
    Unexpected,

    /// <summary>In both, but of another shape or of a type that is not converted.</summary>
    Mismatched,

    /// <summary>In the file, and left out by <see cref="WeightLoadOptions.Rename"/>, or because it is state of a fit in a checkpoint of the trainer.</summary>
    LeftOut,
}

/// <summary>A line of a <see cref="WeightLoadReport"/>.</summary>
/// <param name="State">What became of the tensor.</param>
/// <param name="Key">Its key in the model, or in the file if it is not in the model.</param>
/// <param name="FileKey">Its key in the file, null when it is not there.</param>
/// <param name="FileType">Type and shape in the file, null when it is not there.</param>
/// <param name="ModelType">Type and shape in the model, null when it is not there.</param>
/// <param name="Note">What does not fit, what was converted, or a key that may be meant; empty when there is nothing to say.</param>
public sealed record WeightLine(WeightState State, string Key, string? FileKey, string? FileType, string? ModelType, string Note);

/// <summary>What became of each tensor when weights were loaded.</summary>
public sealed class WeightLoadReport
{
    private const int MostLines = 60;

    private readonly string heading;

    internal WeightLoadReport(string heading, IReadOnlyList<WeightLine> lines, string? hint)
    {
        this.heading = heading;
        Lines = lines;
        Hint = hint;
    }

    /// <summary>One line for each tensor: those of the model in its order, then those of the file alone.</summary>
    public IReadOnlyList<WeightLine> Lines { get; }

    /// <summary>Keys in the model of the tensors that fit.</summary>
    public IReadOnlyList<string> Loaded => Keys(WeightState.Loaded);

    /// <summary>Keys in the model that the file lacks.</summary>
    public IReadOnlyList<string> Missing => Keys(WeightState.Missing);

    /// <summary>Keys in the file that the model lacks.</summary>
    public IReadOnlyList<string> Unexpected => Keys(WeightState.Unexpected);

    /// <summary>Keys in the model of the tensors that do not fit.</summary>
    public IReadOnlyList<string> Mismatched => Keys(WeightState.Mismatched);

    /// <summary>A <see cref="WeightLoadOptions.Rename"/> that would mend all missing keys at once, as source code; null if no single prefix does.</summary>
    public string? Hint { get; }

    /// <summary>Counts, then a table of what did not simply fit, at most 60 lines; <see cref="ToTable"/> has all.</summary>
    public override string ToString() => Text(Lines.Where(static line => line.State != WeightState.Loaded || line.Note.Length > 0), MostLines);

    /// <summary>Counts, then a table of all tensors.</summary>
    public string ToTable() => Text(Lines, int.MaxValue);

    private string Text(IEnumerable<WeightLine> chosen, int most)
    {
        WeightLine[] lines = [.. chosen];
        var text = new StringBuilder($"{heading}: {Loaded.Count} loaded, {Missing.Count} missing, {Unexpected.Count} unexpected, {Mismatched.Count} mismatched");
        int leftOut = Keys(WeightState.LeftOut).Length;
        text.Append(leftOut > 0 ? $", {leftOut} left out\n" : "\n");
        if (lines.Length > 0)
        {
            var table = new TextTable("tensor", "state", "in the model", "in the file", "note");
            foreach (WeightLine line in lines.Take(most))
            {
                table.Add(WeightEntry.Shown(line.Key), line.State.ToString().ToLowerInvariant(), line.ModelType ?? "-", line.FileType ?? "-", line.Note);
            }

            text.Append(table);
        }

        if (lines.Length > most)
        {
            text.Append($"... and {lines.Length - most} more\n");
        }

        return Hint is null ? text.ToString() : text.Append($"All missing tensors are found with: Rename = {Hint}\n").ToString();
    }

    private string[] Keys(WeightState state) => [.. Lines.Where(line => line.State == state).Select(static line => line.Key)];
}
