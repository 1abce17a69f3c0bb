using System.Diagnostics;
using ModelGen.Data;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>The training batches of each epoch, in an order that depends on seed and epoch alone, so a fit can go on in the middle of one.</summary>
internal sealed class BatchSource : IDisposable
{
    private readonly BatchAssembler assembler;
    private readonly TrainerOptions options;
    private readonly int samples;
    private readonly int size;
    private readonly Stopwatch waiting = new();
    private int[] order = [];
    private int next;

    public BatchSource(Dataset data, TrainerOptions options, int batchSize, Device device)
    {
        this.options = options;
        samples = data.Count;
        size = Math.Min(batchSize, samples);
        assembler = new BatchAssembler(data, size, device);
        int all = options.DropLast ? samples / size : (samples + size - 1) / size;
        int? limit = options.OverfitBatches > 0 ? options.OverfitBatches : options.FastDevRun ? 1 : options.LimitTrainBatches;
        PerEpoch = Math.Min(all, limit ?? all);
    }

    /// <summary>Batches of an epoch.</summary>
    public int PerEpoch { get; }

    /// <summary>Samples of a batch; the last one may have fewer.</summary>
    public int Size => size;

    /// <summary>Time spent waiting for batches since <see cref="Start"/>.</summary>
    public TimeSpan Waited => waiting.Elapsed;

    /// <summary>Goes to a batch of an epoch.</summary>
    public void Start(int epoch, int batch)
    {
        order = options.Shuffle && options.OverfitBatches == 0 ? Shuffler.Permutation(samples, options.Seed, epoch) : [.. Enumerable.Range(0, samples)];
        next = batch;
        waiting.Reset();
    }

    /// <summary>The next batch; the caller disposes it.</summary>
    public Batch Next()
    {
        waiting.Start();
        Batch batch = assembler.Assemble(order.AsSpan()[(next * size)..Math.Min((next + 1) * size, samples)]);
        next++;
        waiting.Stop();
        return batch;
    }

    public void Dispose() => assembler.Dispose();
}
