using static TorchSharp.torch;

namespace ModelGen;

/// <summary>Settings of a model's <c>Verify</c>.</summary>
public sealed record VerifyOptions
{
    /// <summary>
    /// Class of each sample, int64 <c>[N]</c>, for the accuracy column; default null (no accuracy). Needs a model whose output is <c>[N, C]</c>.
    /// </summary>
    public Tensor? Labels { get; init; }

    /// <summary>
    /// Samples from which the INT8 ranges are found: the model's inputs in order, batch first. Default null: at most
    /// <see cref="BatchSize"/> of the inputs that are verified. Give samples of the training set when accuracy matters.
    /// </summary>
    public IReadOnlyList<Tensor>? Calibration { get; init; }

    /// <summary>
    /// Largest difference from eager that a float32 path may have, relative to the largest absolute value that eager computes; default 1e-5.
    /// </summary>
    public double Tolerance { get; init; } = 1e-5;

    /// <summary>
    /// Whether the exported graph is also compared layer by layer: every layer of one tensor is given what the graph gives it, and its result is compared with the graph's. So errors of one
    /// layer do not hide in those before it; the first that differs by more than <see cref="Tolerance"/> is named. Default false.
    /// </summary>
    public bool Layers { get; init; }

    /// <summary>Settings of the exported graph, such as symbolic sizes; null for the defaults.</summary>
    public OnnxExportOptions? Export { get; init; }

    /// <summary>Where the ONNX file is written and left; default null: a temporary file, deleted afterwards.</summary>
    public string? OnnxPath { get; init; }

    /// <summary>Where the INT8 file is written and left; default null: a temporary file, deleted afterwards.</summary>
    public string? Int8Path { get; init; }

    /// <summary>Smallest share of samples, in [0, 1], whose class INT8 must find as eager does; default null: not judged.</summary>
    public double? MinInt8Agreement { get; init; }

    /// <summary>Largest accuracy, as a fraction, that INT8 may lose to eager; default null: not judged. Needs <see cref="Labels"/>.</summary>
    public double? MaxInt8AccuracyDrop { get; init; }

    /// <summary>Samples per call of the eager and fused paths while outputs are compared; default 256. It bounds memory and changes no result.</summary>
    public int BatchSize { get; init; } = 256;

    /// <summary>Calls of which the latency is the median, after a fifth as many warm-up calls; default 50. 0 measures no latency.</summary>
    public int LatencyCalls { get; init; } = 50;

    /// <exception cref="ArgumentException">A setting is outside its range.</exception>
    internal void Check(long samples)
    {
        if (!(Tolerance >= 0))
        {
            throw new ArgumentException($"VerifyOptions.Tolerance must be 0 or more, but is {Tolerance}.");
        }

        if (BatchSize < 1)
        {
            throw new ArgumentException($"VerifyOptions.BatchSize must be at least 1, but is {BatchSize}.");
        }

        if (LatencyCalls < 0)
        {
            throw new ArgumentException($"VerifyOptions.LatencyCalls must be 0 (no measurement) or more, but is {LatencyCalls}.");
        }

        if (Labels is not null && (Labels.dim() != 1 || Labels.shape[0] != samples || Labels.dtype != ScalarType.Int64))
        {
            throw new ArgumentException(
                $"VerifyOptions.Labels must be int64 [{samples}], one class per sample, but is {Labels.dtype} [{string.Join(", ", Labels.shape)}].");
        }

        if (MaxInt8AccuracyDrop is not null && Labels is null)
        {
            throw new ArgumentException("VerifyOptions.MaxInt8AccuracyDrop compares accuracies, so it needs VerifyOptions.Labels.");
        }
    }
}
