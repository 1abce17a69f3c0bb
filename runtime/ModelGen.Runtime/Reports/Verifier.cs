using System.Diagnostics;
using ModelGen.Onnx;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>The paths of a model, as generated code hands them to the <see cref="Verifier"/>.</summary>
/// <param name="Eager">The reference: what the user wrote, in evaluation mode. Takes the model's inputs in order, for any batch size, and returns its first output.</param>
/// <param name="Fused">Fused inference, called like <paramref name="Eager"/>.</param>
/// <param name="ParameterBytes">Size of the parameters and buffers, shown for the two paths that have no file.</param>
public sealed record VerifyPaths(Func<IReadOnlyList<Tensor>, Tensor> Eager, Func<IReadOnlyList<Tensor>, Tensor> Fused, long ParameterBytes)
{
    /// <summary>The reference with all outputs of the model, for models with several; null compares the first one only.</summary>
    public Func<IReadOnlyList<Tensor>, IReadOnlyList<Tensor>>? EagerOutputs { get; init; }

    /// <summary>Fused inference with all outputs; null compares the first one only.</summary>
    public Func<IReadOnlyList<Tensor>, IReadOnlyList<Tensor>>? FusedOutputs { get; init; }

    /// <summary>The model itself and its graph before it is optimized, for the comparison by layer; null when the model has no such export.</summary>
    public (TorchSharp.torch.nn.Module Module, Func<OnnxModel> ToOnnx)? Layers { get; init; }

    /// <summary>Writes the float32 ONNX model to the given file; null when the model has no such export.</summary>
    public Action<string>? ExportOnnx { get; init; }

    /// <summary>Writes the INT8 ONNX model to the given file, with ranges from the given inputs; null when the model has no such export.</summary>
    public Action<string, IReadOnlyList<Tensor>>? ExportInt8 { get; init; }
}

/// <summary>Runs all paths of a model on the same inputs and measures how far each is from eager. Called by the generated <c>Verify</c>.</summary>
public static class Verifier
{
    /// <summary>Compares the paths. One that throws gets a row that says why; only the reference may not fail.</summary>
    /// <param name="model">Name of the model class.</param>
    /// <param name="inputs">The model's inputs in order, batch first, all of the same batch size.</param>
    /// <param name="paths">The model's paths.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <returns>One row per path.</returns>
    /// <exception cref="ArgumentException">The inputs have no samples or differ in batch size, or an option is out of range.</exception>
    public static VerifyReport Compare(string model, IReadOnlyList<Tensor> inputs, VerifyPaths paths, VerifyOptions? options = null)
    {
        options ??= new VerifyOptions();
        long samples = CountSamples(model, inputs);
        options.Check(samples);
        using IDisposable guard = no_grad();
        var eagerPath = new DelegatePath(paths.EagerOutputs ?? (batch => [paths.Eager(batch)]), options.BatchSize);
        PathOutputs[] eager = eagerPath.RunAll(inputs, samples);
        ClassScores.Check(options, eager[0], model);
        var rows = new List<VerifyRow>
        {
            Measure("eager", eagerPath, eager, eager, inputs, options) with { Bytes = paths.ParameterBytes },
            Attempt("fused", () =>
            {
                var path = new DelegatePath(paths.FusedOutputs ?? (batch => [paths.Fused(batch)]), options.BatchSize);
                VerifyRow row = Measure("fused", path, path.RunAll(inputs, samples), eager, inputs, options);
                return JudgeFloat(row with { Bytes = paths.ParameterBytes }, options);
            }),
        };
        if (paths.ExportOnnx is { } exportOnnx)
        {
            rows.Add(Attempt("onnx", () => JudgeFloat(MeasureFile("onnx", exportOnnx, options.OnnxPath, eager, inputs, options), options)));
        }

        if (paths.ExportInt8 is { } exportInt8)
        {
            IReadOnlyList<Tensor> calibration = options.Calibration ?? [.. inputs.Select(input => input.narrow(0, 0, Math.Min(samples, options.BatchSize)))];
            rows.Add(Attempt("int8", () => JudgeInt8(
                MeasureFile("int8", file => exportInt8(file, calibration), options.Int8Path, eager, inputs, options), rows[0], options)));
        }

        IReadOnlyList<LayerCheck>? layers = options.Layers && paths.Layers is { } source ? LayerVerifier.Compare(model, source.Module, source.ToOnnx(), inputs, options.Tolerance) : null;
        return new VerifyReport(model, samples, rows) { Layers = layers };
    }

    private static long CountSamples(string model, IReadOnlyList<Tensor> inputs)
    {
        if (inputs.Count == 0 || inputs.Any(static input => input.dim() == 0 || input.shape[0] == 0))
        {
            throw new ArgumentException($"{model}.Verify needs at least one sample: every input with its batch first, such as [N, ...] with N at least 1.", nameof(inputs));
        }

        long samples = inputs[0].shape[0];
        if (inputs.FirstOrDefault(input => input.shape[0] != samples) is { } other)
        {
            throw new ArgumentException($"{model}.Verify: the first input has {samples} samples, another has {other.shape[0]}.", nameof(inputs));
        }

        return samples;
    }

    /// <summary>A path may fail in any way (native code, file system, ONNX Runtime): the report says how, and the other paths are still measured.</summary>
    private static VerifyRow Attempt(string path, Func<VerifyRow> measure)
    {
        try
        {
            return measure();
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return new VerifyRow(path) { Failure = $"{exception.GetType().Name}: {exception.Message.Split('\n')[0].TrimEnd()}" };
        }
    }

    private static VerifyRow MeasureFile(
        string name, Action<string> export, string? path, PathOutputs[] eager, IReadOnlyList<Tensor> inputs, VerifyOptions options)
    {
        DirectoryInfo? temporary = path is null ? Directory.CreateTempSubdirectory("modelgen-verify-") : null;
        try
        {
            string file = path ?? Path.Combine(temporary!.FullName, name + ".onnx");
            export(file);
            using var session = new OnnxPath(file);
            PathOutputs[] outputs = session.RunAll(inputs, eager[0].Samples);
            return Measure(name, session, outputs, eager, inputs, options) with { Bytes = new FileInfo(file).Length };
        }
        finally
        {
            temporary?.Delete(recursive: true);
        }
    }

    private static VerifyRow Measure(
        string name, IVerifiedPath path, PathOutputs[] outputs, PathOutputs[] eager, IReadOnlyList<Tensor> inputs, VerifyOptions options)
    {
        // Generated code without a form for all outputs, and eager code given as a function of one, stand for the first.
        int count = Math.Min(outputs.Length, eager.Length);
        for (int i = 0; i < count; i++)
        {
            if (outputs[i].Values.Length != eager[i].Values.Length)
            {
                return new VerifyRow(name)
                {
                    Failure = $"{(eager.Length == 1 ? "output" : $"output {i}")} has {outputs[i].Values.Length / eager[i].Samples} values per sample, eager has {eager[i].Values.Length / eager[i].Samples}",
                };
            }
        }

        (double Absolute, double Relative)[] errors = [.. Enumerable.Range(0, count).Select(i => outputs[i].ErrorAgainst(eager[i]))];
        return new VerifyRow(name)
        {
            MaxAbsoluteError = errors.Max(static error => error.Absolute),
            MaxRelativeError = errors.Max(static error => error.Relative),
            Outputs = [.. errors.Select(static error => new OutputError(error.Absolute, error.Relative))],
            Agreement = ClassScores.Agreement(outputs[0], eager[0]),
            Accuracy = ClassScores.Accuracy(outputs[0], options.Labels),
            LatencyMs = options.LatencyCalls == 0 ? null : path.MeasureCall(inputs, call => MedianTime(call, options.LatencyCalls)),
            LatencyBatch = path.LatencyBatch,
        };
    }

    /// <summary>Median milliseconds of a call, after a fifth as many calls to warm up.</summary>
    private static double MedianTime(Action call, int calls)
    {
        for (int i = 0; i < (calls + 4) / 5; i++)
        {
            call();
        }

        var times = new double[calls];
        for (int i = 0; i < calls; i++)
        {
            long start = Stopwatch.GetTimestamp();
            call();
            times[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }

        Array.Sort(times);
        return (times[(calls - 1) / 2] + times[calls / 2]) / 2;
    }

    private static VerifyRow JudgeFloat(VerifyRow row, VerifyOptions options) => row is { Failure: null, MaxRelativeError: { } error } && !(error <= options.Tolerance)
        ? row with { Failure = FormattableString.Invariant($"relative error {error:0.0e+0} is above the tolerance {options.Tolerance:0.0e+0}") }
        : row;

    private static VerifyRow JudgeInt8(VerifyRow row, VerifyRow eager, VerifyOptions options)
    {
        if (row.Failure is not null)
        {
            return row;
        }

        if (row.MaxAbsoluteError is double.PositiveInfinity)
        {
            return row with { Failure = "an output is NaN or infinite where eager's is not" };
        }

        if (options.MinInt8Agreement is { } least && !(row.Agreement >= least))
        {
            return row with { Failure = FormattableString.Invariant($"agreement {100 * row.Agreement:0.00} % is below the {100 * least:0.00} % asked for") };
        }

        double? drop = eager.Accuracy - row.Accuracy;
        return options.MaxInt8AccuracyDrop is { } most && !(drop <= most)
            ? row with { Failure = FormattableString.Invariant($"accuracy drops by {100 * drop:0.00} points, more than the {100 * most:0.00} allowed") }
            : row;
    }
}
