using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ModelGen.Onnx;

/// <summary>A quantized model and what was done.</summary>
/// <param name="Model">The model, with the float model's inputs, outputs and metadata.</param>
/// <param name="Report">What was quantized and what was not.</param>
public sealed record QuantizationResult(OnnxModel Model, QuantizationReport Report);

/// <summary>What became of one node.</summary>
/// <param name="Name">Name of the node.</param>
/// <param name="OpType">Operator.</param>
/// <param name="IsInteger">Whether it is set up to run in integers.</param>
/// <param name="Reason">Why it is, or is not.</param>
public sealed record QuantizedNode(string Name, string OpType, bool IsInteger, string Reason);

/// <summary>How much of a value is noise in the quantized model.</summary>
/// <param name="Node">The node that makes the value.</param>
/// <param name="OpType">Its operator.</param>
/// <param name="Value">Name of the value.</param>
/// <param name="Decibel">Signal to quantization noise: 10 log10 of the power of the float value over that of the difference; 200 when they are equal.</param>
public sealed record LayerError(string Node, string OpType, string Value, double Decibel);

/// <summary>What was quantized and what was not. Sizes are always there; the measurements come from <see cref="Quantizer.Examine"/>.</summary>
/// <param name="Nodes">All nodes of the float model, in order.</param>
public sealed record QuantizationReport(IReadOnlyList<QuantizedNode> Nodes)
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <summary>What was done or tried, an entry each.</summary>
    public IReadOnlyList<string> Steps { get; init; } = [];

    /// <summary>Bytes of the float model.</summary>
    public long FloatBytes { get; init; }

    /// <summary>Bytes of the quantized model.</summary>
    public long QuantizedBytes { get; init; }

    /// <summary>Score of the float model; null when it was not measured.</summary>
    public double? FloatScore { get; init; }

    /// <summary>Score of the quantized model; null when it was not measured.</summary>
    public double? QuantizedScore { get; init; }

    /// <summary>Median milliseconds of a call of the float model in ONNX Runtime; null when it was not measured.</summary>
    public double? FloatMilliseconds { get; init; }

    /// <summary>Median milliseconds of a call of the quantized model in ONNX Runtime; null when it was not measured.</summary>
    public double? QuantizedMilliseconds { get; init; }

    /// <summary>Noise of each value that both models have, in order; empty when it was not measured.</summary>
    public IReadOnlyList<LayerError> Layers { get; init; } = [];

    /// <summary>The report as JSON.</summary>
    /// <returns>Indented JSON with camelCase names; measurements that were not made are left out.</returns>
    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <summary>A picture: a bar for the size and the latency of each model, and one for the signal-to-noise ratio of each layer.</summary>
    /// <returns>SVG.</returns>
    public string ToSvg() => Quantization.ReportPicture.Draw(this);

    /// <summary>A table with a line for each node, and the totals.</summary>
    /// <returns>Several lines.</returns>
    public override string ToString()
    {
        Dictionary<string, double> noise = Layers.GroupBy(static layer => layer.Node).ToDictionary(static group => group.Key, static group => group.Min(static layer => layer.Decibel), StringComparer.Ordinal);
        var table = new TextTable("Runs in", "Operator", "Node", ">SQNR dB", "Reason");
        foreach (QuantizedNode node in Nodes)
        {
            table.Add(node.IsInteger ? "int8" : "float", node.OpType, node.Name, noise.TryGetValue(node.Name, out double decibel) ? decibel.ToString("0.0", CultureInfo.InvariantCulture) : "", node.Reason);
        }

        var totals = new TextTable("", ">Float", ">Quantized", ">Ratio");
        totals.Add("Size", TextTable.Bytes(FloatBytes), TextTable.Bytes(QuantizedBytes), Ratio(QuantizedBytes, FloatBytes));
        if (FloatMilliseconds is double before && QuantizedMilliseconds is double after)
        {
            totals.Add("Latency ms", before.ToString("0.000", CultureInfo.InvariantCulture), after.ToString("0.000", CultureInfo.InvariantCulture), Ratio(after, before));
        }

        if (FloatScore is double reference && QuantizedScore is double score)
        {
            totals.Add("Score", reference.ToString("0.0000", CultureInfo.InvariantCulture), score.ToString("0.0000", CultureInfo.InvariantCulture), Ratio(score, reference));
        }

        return $"{table}\n{totals}{string.Concat(Steps.Select(static step => step + "\n"))}".TrimEnd();
    }

    private static string Ratio(double value, double reference) => reference == 0 ? "" : (value / reference).ToString("0.000", CultureInfo.InvariantCulture);
}
