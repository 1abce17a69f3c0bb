using ModelGen.Data;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>The training batches of each epoch, in an order that depends on seed and epoch alone, so a fit can go on in the middle of one.</summary>
internal sealed class BatchSource : IDisposable
{
    private readonly DataLoader loader;
    private IEnumerator<Batch>? pass;
    private TimeSpan waitedBefore;

    public BatchSource(Dataset data, TrainerOptions options, int batchSize, Device device)
    {
        Size = Math.Min(batchSize, data.Count);
        DataLoaderOptions given = LoaderOptions(data, options);
        loader = new DataLoader(data, given with
        {
            BatchSize = Size,
            Shuffle = options.Shuffle && options.OverfitBatches == 0 && given is { Sampler: null, BatchSampler: null },
            DropLast = options.DropLast && given.BatchSampler is null,
            Seed = options.Seed,
            Device = device,
        });
        int? limit = options.FastDevRun ? 1 : options.LimitTrainBatches;
        PerEpoch = Math.Min(loader.BatchesPerEpoch!.Value, limit ?? int.MaxValue);
    }

    /// <summary>Batches of an epoch.</summary>
    public int PerEpoch { get; }

    /// <summary>Samples of a batch; the last one may have fewer.</summary>
    public int Size { get; }

    /// <summary>Time spent waiting for batches since <see cref="Start"/>.</summary>
    public TimeSpan Waited => loader.StallTime - waitedBefore;

    /// <summary>A loader for validation: every sample once, in order, as it is.</summary>
    public static DataLoader InOrder(Dataset data, TrainerOptions options, int batchSize, Device device)
    {
        DataLoaderOptions given = LoaderOptions(data, options);
        return new DataLoader(data, new DataLoaderOptions { BatchSize = batchSize, Seed = options.Seed, Device = device, Workers = given.Workers, Prefetch = given.Prefetch, OnError = given.OnError, OnSkip = given.OnSkip });
    }

    /// <summary>Goes to a batch of an epoch.</summary>
    public void Start(int epoch, int batch)
    {
        pass?.Dispose();
        waitedBefore = loader.StallTime;
        pass = loader.Batches(epoch, batch).GetEnumerator();
    }

    /// <summary>The next batch, valid until the one after it.</summary>
    public Batch Next() => pass!.MoveNext() ? pass.Current : throw new InvalidOperationException("The loader gave fewer batches than it announced.");

    public void Dispose()
    {
        pass?.Dispose();
        loader.Dispose();
    }

    // What lies in memory is copied faster than handed over between threads.
    private static DataLoaderOptions LoaderOptions(Dataset data, TrainerOptions options) => options.Loader ?? (data is TensorDataset ? new DataLoaderOptions { Workers = 0 } : new DataLoaderOptions());
}
