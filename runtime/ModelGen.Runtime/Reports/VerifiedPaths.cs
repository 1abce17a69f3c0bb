using ModelGen.Onnx;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>A way to compute the model.</summary>
internal interface IVerifiedPath
{
    /// <summary>Samples per call when latency is measured.</summary>
    int LatencyBatch { get; }

    /// <summary>Computes all samples, in batches: one entry per output.</summary>
    PathOutputs[] RunAll(IReadOnlyList<Tensor> inputs, long samples);

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
internal sealed class DelegatePath(Func<IReadOnlyList<Tensor>, IReadOnlyList<Tensor>> run, int batchSize) : IVerifiedPath
{
    public int LatencyBatch => 1;

    public PathOutputs[] RunAll(IReadOnlyList<Tensor> inputs, long samples)
    {
        var values = new List<List<float>>();
        var ranks = new List<int>();
        for (long first = 0; first < samples; first += batchSize)
        {
            Tensor[] batch = Batches.Take(inputs, first, Math.Min(batchSize, samples - first));
            IReadOnlyList<Tensor> outputs = run(batch);
            for (int i = 0; i < outputs.Count; i++)
            {
                if (first == 0)
                {
                    values.Add([]);
                    ranks.Add((int)outputs[i].dim());
                }

                using Tensor onCpu = outputs[i].to(ScalarType.Float32).cpu().contiguous();
                values[i].AddRange(onCpu.data<float>().ToArray());
            }

            Batches.Dispose(outputs);
            Batches.Dispose(batch);
        }

        return [.. values.Select((list, index) => new PathOutputs([.. list], samples, ranks[index]))];
    }

    public double MeasureCall(IReadOnlyList<Tensor> inputs, Func<Action, double> measure)
    {
        Tensor[] batch = Batches.Take(inputs, 0, LatencyBatch);
        double result = measure(() => Batches.Dispose(run(batch)));
        Batches.Dispose(batch);
        return result;
    }
}

/// <summary>An exported model in ONNX Runtime, on the CPU.</summary>
internal sealed class OnnxPath : IVerifiedPath, IDisposable
{
    private readonly OnnxRunner runner;

    public OnnxPath(string path)
    {
        runner = new OnnxRunner(OnnxModel.Load(path));
        LatencyBatch = (int)Math.Max(runner.Inputs[0].Shape.FirstOrDefault(1), 1);
    }

    /// <summary>The graph's static batch size; 1 when it takes any.</summary>
    public int LatencyBatch { get; }

    public PathOutputs[] RunAll(IReadOnlyList<Tensor> inputs, long samples)
    {
        List<float>[] values = [.. runner.Outputs.Select(static _ => new List<float>())];
        for (long first = 0; first < samples; first += LatencyBatch)
        {
            IReadOnlyDictionary<string, OnnxTensor> outputs = runner.Run(Feed(inputs, first));
            long wanted = Math.Min(LatencyBatch, samples - first);
            for (int i = 0; i < values.Length; i++)
            {
                float[] output = TensorConversion.Numbers(outputs[runner.Outputs[i].Name]);
                values[i].AddRange(output.AsSpan(0, (int)(output.Length / LatencyBatch * wanted)));
            }
        }

        return [.. values.Select((list, index) => new PathOutputs([.. list], samples, runner.Outputs[index].Shape.Length))];
    }

    public double MeasureCall(IReadOnlyList<Tensor> inputs, Func<Action, double> measure)
    {
        Dictionary<string, OnnxTensor> feed = Feed(inputs, first: 0);
        return measure(() => runner.Run(feed));
    }

    public void Dispose() => runner.Dispose();

    private Dictionary<string, OnnxTensor> Feed(IReadOnlyList<Tensor> inputs, long first)
    {
        if (runner.Inputs.Count != inputs.Count)
        {
            throw new InvalidDataException(
                $"the exported graph has {runner.Inputs.Count} inputs ({string.Join(", ", runner.Inputs.Select(static entry => entry.Name))}), the model has {inputs.Count}");
        }

        Tensor[] batch = Batches.Take(inputs, first, LatencyBatch);
        Dictionary<string, OnnxTensor> feed = runner.Inputs.Select((entry, index) => (entry.Name, Value: TensorConversion.ToOnnx(batch[index])))
            .ToDictionary(static pair => pair.Name, static pair => pair.Value, StringComparer.Ordinal);
        Batches.Dispose(batch);
        return feed;
    }
}
