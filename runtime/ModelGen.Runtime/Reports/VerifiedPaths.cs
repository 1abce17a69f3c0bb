using Microsoft.ML.OnnxRuntime;
using TensorElementType = Microsoft.ML.OnnxRuntime.Tensors.TensorElementType;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>A way to compute the model.</summary>
internal interface IVerifiedPath
{
    /// <summary>Samples per call when latency is measured.</summary>
    int LatencyBatch { get; }

    /// <summary>Computes all samples, in batches.</summary>
    PathOutputs RunAll(IReadOnlyList<Tensor> inputs, long samples);

    /// <summary>Prepares a call on the first <see cref="LatencyBatch"/> samples and hands it to <paramref name="measure"/>, so that only the call is timed.</summary>
    double MeasureCall(IReadOnlyList<Tensor> inputs, Func<Action, double> measure);
}

/// <summary>Slices of inputs along the batch.</summary>
internal static class Batches
{
    /// <summary>Copies <paramref name="count"/> samples; past the end the last sample is repeated, for graphs of a fixed batch size.</summary>
    public static Tensor[] Take(IReadOnlyList<Tensor> inputs, long first, long count)
    {
        using Tensor positions = arange(first, first + count, ScalarType.Int64);
        using Tensor indices = positions.clamp_max(inputs[0].shape[0] - 1);
        return [.. inputs.Select(input =>
        {
            using Tensor there = indices.to(input.device);
            return input.index_select(0, there);
        })];
    }

    public static void Dispose(IEnumerable<Tensor> tensors)
    {
        foreach (Tensor tensor in tensors)
        {
            tensor.Dispose();
        }
    }
}

/// <summary>A path that is a function of tensors: eager and fused.</summary>
internal sealed class DelegatePath(Func<IReadOnlyList<Tensor>, Tensor> run, int batchSize) : IVerifiedPath
{
    public int LatencyBatch => 1;

    public PathOutputs RunAll(IReadOnlyList<Tensor> inputs, long samples)
    {
        var values = new List<float>();
        int rank = 0;
        for (long first = 0; first < samples; first += batchSize)
        {
            Tensor[] batch = Batches.Take(inputs, first, Math.Min(batchSize, samples - first));
            using Tensor output = run(batch);
            using Tensor onCpu = output.to(ScalarType.Float32).cpu().contiguous();
            values.AddRange(onCpu.data<float>().ToArray());
            rank = (int)output.dim();
            Batches.Dispose(batch);
        }

        return new PathOutputs([.. values], samples, rank);
    }

    public double MeasureCall(IReadOnlyList<Tensor> inputs, Func<Action, double> measure)
    {
        Tensor[] batch = Batches.Take(inputs, 0, LatencyBatch);
        double result = measure(() => run(batch).Dispose());
        Batches.Dispose(batch);
        return result;
    }
}

/// <summary>An exported model in ONNX Runtime, on the CPU.</summary>
internal sealed class OnnxPath : IVerifiedPath, IDisposable
{
    private readonly InferenceSession session;
    private readonly RunOptions runOptions = new();

    public OnnxPath(string path)
    {
        session = new InferenceSession(path);
        int declared = session.InputMetadata[session.InputNames[0]].Dimensions[0];
        LatencyBatch = Math.Max(declared, 1);
    }

    /// <summary>The graph's static batch size; 1 when it takes any.</summary>
    public int LatencyBatch { get; }

    public PathOutputs RunAll(IReadOnlyList<Tensor> inputs, long samples)
    {
        var values = new List<float>();
        int rank = 0;
        for (long first = 0; first < samples; first += LatencyBatch)
        {
            OrtValue[] batch = Convert(inputs, first);
            using IDisposableReadOnlyCollection<OrtValue> outputs = Run(batch);
            ReadOnlySpan<float> output = Numbers(outputs[0]);
            long wanted = Math.Min(LatencyBatch, samples - first);
            values.AddRange(output[..(int)(output.Length / LatencyBatch * wanted)]);
            rank = outputs[0].GetTensorTypeAndShape().Shape.Length;
            Dispose(batch);
        }

        return new PathOutputs([.. values], samples, rank);
    }

    public double MeasureCall(IReadOnlyList<Tensor> inputs, Func<Action, double> measure)
    {
        OrtValue[] batch = Convert(inputs, first: 0);
        double result = measure(() => Run(batch).Dispose());
        Dispose(batch);
        return result;
    }

    public void Dispose()
    {
        runOptions.Dispose();
        session.Dispose();
    }

    /// <summary>A result as float32, whatever its type.</summary>
    private static ReadOnlySpan<float> Numbers(OrtValue output) => output.GetTensorTypeAndShape().ElementDataType switch
    {
        TensorElementType.Float => output.GetTensorDataAsSpan<float>(),
        TensorElementType.Double => Array.ConvertAll(output.GetTensorDataAsSpan<double>().ToArray(), static value => (float)value),
        TensorElementType.Int64 => Array.ConvertAll(output.GetTensorDataAsSpan<long>().ToArray(), static value => (float)value),
        TensorElementType.Int32 => Array.ConvertAll(output.GetTensorDataAsSpan<int>().ToArray(), static value => (float)value),
        TensorElementType.Bool => Array.ConvertAll(output.GetTensorDataAsSpan<bool>().ToArray(), static value => value ? 1f : 0f),
        var other => throw new NotSupportedException($"Verify cannot compare results of element type {other}."),
    };

    private IDisposableReadOnlyCollection<OrtValue> Run(OrtValue[] batch) => session.Run(runOptions, session.InputNames, batch, [session.OutputNames[0]]);

    private OrtValue[] Convert(IReadOnlyList<Tensor> inputs, long first)
    {
        if (session.InputNames.Count != inputs.Count)
        {
            throw new InvalidDataException(
                $"the exported graph has {session.InputNames.Count} inputs ({string.Join(", ", session.InputNames)}), the model has {inputs.Count}");
        }

        Tensor[] batch = Batches.Take(inputs, first, LatencyBatch);
        OrtValue[] values = [.. batch.Select(ToOrtValue)];
        Batches.Dispose(batch);
        return values;
    }

    private static OrtValue ToOrtValue(Tensor tensor)
    {
        using Tensor onCpu = tensor.cpu().contiguous();
        return tensor.dtype switch
        {
            ScalarType.Float32 => OrtValue.CreateTensorValueFromMemory(onCpu.data<float>().ToArray(), tensor.shape),
            ScalarType.Int64 => OrtValue.CreateTensorValueFromMemory(onCpu.data<long>().ToArray(), tensor.shape),
            ScalarType.Bool => OrtValue.CreateTensorValueFromMemory(onCpu.data<bool>().ToArray(), tensor.shape),
            var other => throw new NotSupportedException($"Verify runs ONNX models on inputs of float32, int64 and bool, not {other}."),
        };
    }

    private static void Dispose(OrtValue[] values)
    {
        foreach (OrtValue value in values)
        {
            value.Dispose();
        }
    }
}
