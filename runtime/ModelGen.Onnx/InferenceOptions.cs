namespace ModelGen.Onnx;

/// <summary>How ONNX Runtime runs a model.</summary>
public sealed record InferenceOptions
{
    /// <summary>Threads of one call; null lets ONNX Runtime choose (one per physical core).</summary>
    public int? Threads { get; init; }

    /// <summary>Whether waiting threads spin, which makes calls faster and uses processor time between them; default true. Turn it off where several sessions share the cores.</summary>
    public bool Spinning { get; init; } = true;

    /// <summary>Whether freed memory is kept for the next call; default true. Off, a session holds no more than its weights between calls, and calls are slower.</summary>
    public bool KeepMemory { get; init; } = true;

    /// <summary>Whether subnormal numbers count as zero, which keeps calls fast on values that fade away; default false.</summary>
    public bool FlushSubnormals { get; init; }

    /// <summary>
    /// Execution providers by name, the first that works is used: CPU, CUDA, TensorRT, OpenVINO, DirectML, CoreML. Operators that it lacks run on those named after it that work, and on the
    /// CPU. Default: CPU.
    /// </summary>
    public IReadOnlyList<string> Providers { get; init; } = ["CPU"];

    /// <summary>Settings of providers, by provider and by ONNX Runtime's own names, such as <c>["CUDA"]["device_id"] = "1"</c>; default none.</summary>
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> ProviderOptions { get; init; } = new Dictionary<string, IReadOnlyDictionary<string, string>>();

    /// <summary>Calls made when the session opens, so that later ones are fast; default 1.</summary>
    public int WarmupRuns { get; init; } = 1;

    /// <summary>Samples for which a model with a free batch size gets buffers when it opens; default 1. A larger batch makes them grow.</summary>
    public int MaxBatch { get; init; } = 1;

    /// <exception cref="ArgumentException">A setting is outside its range.</exception>
    internal void Check()
    {
        if (Threads < 0 || WarmupRuns < 0 || MaxBatch < 1 || Providers.Count == 0)
        {
            throw new ArgumentException($"InferenceOptions needs Threads and WarmupRuns of 0 or more, a MaxBatch of at least 1 and one provider, got {Threads?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "null"}, {WarmupRuns}, {MaxBatch} and [{string.Join(", ", Providers)}].");
        }
    }
}
