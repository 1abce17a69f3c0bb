using System.Globalization;
using System.Text;

namespace ModelGen;

/// <summary>How one output of a path compares with the eager model's.</summary>
/// <param name="MaxAbsoluteError">Largest absolute difference over all samples.</param>
/// <param name="MaxRelativeError">The same divided by the largest absolute value that eager computes.</param>
public readonly record struct OutputError(double MaxAbsoluteError, double MaxRelativeError);

/// <summary>How one layer of the exported graph compares with the module, given the same input.</summary>
/// <param name="Layer">State-dict path; of several modules, where batch normalisation is folded into the layer before it.</param>
/// <param name="Type">Class of the module.</param>
/// <param name="MaxAbsoluteError">Largest absolute difference.</param>
/// <param name="MaxRelativeError">The same divided by the largest absolute value of the module's result.</param>
/// <param name="Diverges">Whether it is above the tolerance.</param>
public sealed record LayerCheck(string Layer, string Type, double MaxAbsoluteError, double MaxRelativeError, bool Diverges);

/// <summary>How one path compares with the eager model.</summary>
/// <param name="Path"><c>eager</c>, <c>fused</c>, <c>onnx</c> or <c>int8</c>.</param>
public sealed record VerifyRow(string Path)
{
    /// <summary>Largest absolute difference from eager over all outputs of all samples; infinite when the path gives NaN or infinity where eager does not; null when the path did not run.</summary>
    public double? MaxAbsoluteError { get; init; }

    /// <summary><see cref="MaxAbsoluteError"/> divided by the largest absolute value that eager computes; null when the path did not run.</summary>
    public double? MaxRelativeError { get; init; }

    /// <summary>Errors of each output; empty when the path did not run.</summary>
    public IReadOnlyList<OutputError> Outputs { get; init; } = [];

    /// <summary>Share of samples, in [0, 1], with the class that eager finds; null for outputs other than <c>[N, C]</c>.</summary>
    public double? Agreement { get; init; }

    /// <summary>Share of samples, in [0, 1], with the class of their label; null without labels.</summary>
    public double? Accuracy { get; init; }

    /// <summary>Bytes of the exported file, or of the float32 parameters for eager and fused.</summary>
    public long? Bytes { get; init; }

    /// <summary>Median time of one call on <see cref="LatencyBatch"/> samples, in milliseconds; null when not measured.</summary>
    public double? LatencyMs { get; init; }

    /// <summary>Samples per call of <see cref="LatencyMs"/>: 1, or the static batch size of the exported file.</summary>
    public int LatencyBatch { get; init; } = 1;

    /// <summary>Why the path does not count as verified; null when it does.</summary>
    public string? Failure { get; init; }

    /// <summary>Whether the path is verified.</summary>
    public bool Passed => Failure is null;
}

/// <summary>The paths of a model compared on the same inputs. <see cref="ToString"/> is a table.</summary>
/// <param name="model">Name of the model class.</param>
/// <param name="samples">Number of samples compared.</param>
/// <param name="rows">One row per path; the first is eager, the reference.</param>
public sealed class VerifyReport(string model, long samples, IReadOnlyList<VerifyRow> rows)
{
    private const string Absent = "-";

    /// <summary>Name of the model class.</summary>
    public string Model { get; } = model;

    /// <summary>Number of samples compared.</summary>
    public long Samples { get; } = samples;

    /// <summary>One row per path: eager (the reference), fused, and those of ONNX and INT8 that the model has.</summary>
    public IReadOnlyList<VerifyRow> Rows { get; } = rows;

    /// <summary>Layers of the exported graph against their modules, in the graph's order; null unless <see cref="VerifyOptions.Layers"/> asks for them.</summary>
    public IReadOnlyList<LayerCheck>? Layers { get; init; }

    /// <summary>The first layer that diverges; null when none does, or layers were not compared.</summary>
    public LayerCheck? FirstDivergingLayer => Layers?.FirstOrDefault(static layer => layer.Diverges);

    /// <summary>Whether every path ran and kept to what was asked of it.</summary>
    public bool Passed => Rows.All(static row => row.Passed);

    /// <summary>The row of a path.</summary>
    /// <param name="path"><c>eager</c>, <c>fused</c>, <c>onnx</c> or <c>int8</c>.</param>
    /// <exception cref="KeyNotFoundException">The model has no such path.</exception>
    public VerifyRow this[string path] => Rows.FirstOrDefault(row => row.Path == path)
        ?? throw new KeyNotFoundException($"{Model} has no path '{path}'; it has {string.Join(", ", Rows.Select(static row => row.Path))}.");

    /// <summary>A table of paths and, below it, why a path is not verified. Lines end in a line feed; numbers do not depend on the culture.</summary>
    /// <returns>Several lines of text.</returns>
    public override string ToString()
    {
        var table = new TextTable("path", ">max error", ">rel. error", ">agreement", ">accuracy", ">size", ">latency");
        foreach (VerifyRow row in Rows)
        {
            table.Add(row.Path, Error(row.MaxAbsoluteError), Error(row.MaxRelativeError), Share(row.Agreement), Share(row.Accuracy), row.Bytes is { } bytes ? TextTable.Bytes(bytes) : Absent, Latency(row));
        }

        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Model}: {TextTable.Number(Samples)} samples, errors against eager\n").Append(table);
        foreach (VerifyRow row in Rows.Where(static row => row.Outputs.Count > 1 && row.Path != "eager"))
        {
            text.Append(CultureInfo.InvariantCulture, $"{row.Path}, rel. error by output: {string.Join(", ", row.Outputs.Select(static output => Error(output.MaxRelativeError)))}\n");
        }

        if (Layers is not null)
        {
            var layers = new TextTable("layer", "type", ">max error", ">rel. error");
            foreach (LayerCheck layer in Layers)
            {
                layers.Add(layer.Layer, layer.Type, Error(layer.MaxAbsoluteError), Error(layer.MaxRelativeError));
            }

            text.Append(layers);
            text.Append(FirstDivergingLayer is { } first ? $"first layer that diverges: {first.Layer} ({first.Type})\n" : "no layer diverges\n");
        }

        foreach (VerifyRow row in Rows.Where(static row => !row.Passed))
        {
            text.Append(CultureInfo.InvariantCulture, $"FAILED {row.Path}: {row.Failure}\n");
        }

        return text.ToString();
    }

    private static string Error(double? value) => value switch
    {
        null => Absent,
        0 => "0",
        double.PositiveInfinity => "infinite",
        { } error => error.ToString("0.0e+0", CultureInfo.InvariantCulture),
    };

    private static string Share(double? value) => value is { } share ? (100 * share).ToString("0.00", CultureInfo.InvariantCulture) + " %" : Absent;

    private static string Latency(VerifyRow row)
    {
        if (row.LatencyMs is not { } latency)
        {
            return Absent;
        }

        string text = latency.ToString("0.000", CultureInfo.InvariantCulture) + " ms";
        return row.LatencyBatch == 1 ? text : text + $" (batch {row.LatencyBatch})";
    }
}
