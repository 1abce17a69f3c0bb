using ModelGen.Data;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>
/// The training batches of a fit, in an order that depends on the seed and the place alone, so a fit can go on anywhere. One pass of the loader serves all epochs: workers make the first batches of
/// the next while one ends or is validated.
/// </summary>
internal sealed class BatchSource : IDisposable
{
    private readonly DataLoader loader;
    private readonly int? limit;
    private readonly int? fixedLength;
    private BatchPass? pass;
    private int batchOfEpoch;
    private TimeSpan waitedBefore;
    private int reportedBefore;

    public BatchSource(Dataset data, TrainerOptions options, int batchSize, Device device)
    {
        Samples = data.Count;
        Size = Math.Min(batchSize, data.Count);
        loader = new DataLoader(data, Settings(Options(data, options), options, Size, device));
        (limit, fixedLength) = Lengths(options);
        PerEpoch = fixedLength ?? Math.Min(loader.BatchesPerEpoch!.Value, limit ?? int.MaxValue);
    }

    public BatchSource(StreamingDataset data, TrainerOptions options, int batchSize, Device device)
    {
        Size = batchSize;
        loader = new DataLoader(data, Settings(options.Loader ?? new DataLoaderOptions(), options, Size, device));
        (limit, fixedLength) = Lengths(options);
        PerEpoch = fixedLength;
    }

    /// <summary>Samples of a pass over the data; null for a stream.</summary>
    public int? Samples { get; }

    /// <summary>Batches of an epoch; null where the end of a stream ends it.</summary>
    public int? PerEpoch { get; }

    /// <summary>Samples of a batch; the last one may have fewer.</summary>
    public int Size { get; }

    /// <summary>Where the next batch lies: in which pass over the data, and which batch of it. Passes are epochs unless <see cref="TrainerOptions.StepsPerEpoch"/> is set.</summary>
    public (int Pass, int Batch) Position { get; private set; } = (1, 0);

    /// <summary>Whether the epoch ends with the last batch.</summary>
    public bool EndsEpoch { get; private set; }

    /// <summary>Time spent waiting for batches since <see cref="BeginEpoch"/>.</summary>
    public TimeSpan Waited => loader.StallTime - waitedBefore;

    /// <summary>Samples of the batches so far that could not be read and were left out.</summary>
    public long SkippedSamples => loader.SkippedSamples;

    /// <summary>The first of them since <see cref="BeginEpoch"/>; null where there was none, or the loader keeps no more.</summary>
    public SampleFault? FirstSkipped => loader.SkipReport is { } report && report.Count > reportedBefore ? report[reportedBefore] : null;

    /// <summary>A loader for validation: every sample once, in order, as it is.</summary>
    public static DataLoader InOrder(Dataset data, TrainerOptions options, int batchSize, Device device) => new(data, InOrder(Options(data, options), options, batchSize, device));

    /// <summary>As above, for a stream.</summary>
    public static DataLoader InOrder(StreamingDataset data, TrainerOptions options, int batchSize, Device device) => new(data, InOrder(options.Loader ?? new DataLoaderOptions(), options, batchSize, device));

    /// <summary>Begins an epoch, or goes on in one.</summary>
    /// <param name="epoch">Its number, from 1.</param>
    /// <param name="batch">Its batches that are done.</param>
    /// <param name="last">The last epoch that may be asked for; read-ahead ends with it.</param>
    /// <param name="place">Where in the data it goes on; null for where the last batch was, or the start of the epoch's own pass.</param>
    public void BeginEpoch(int epoch, int batch, int last, (int Pass, int Batch)? place = null)
    {
        if (place is not null || pass is null)
        {
            pass?.Dispose();
            Position = place ?? (fixedLength is null ? (epoch, batch) : Position);
            int passes = fixedLength is null ? last - epoch + 1 : int.MaxValue;
            pass = loader.Begin(Position.Pass, Position.Batch, passes, limit, CancellationToken.None);
        }

        batchOfEpoch = batch;
        EndsEpoch = false;
        waitedBefore = loader.StallTime;
        reportedBefore = loader.SkipReport.Count;
    }

    /// <summary>The next batch, valid until the one after it.</summary>
    /// <exception cref="OperationCanceledException">The wait for it was cancelled; the source is of no use afterwards.</exception>
    public Batch Next(CancellationToken cancellation)
    {
        if (!pass!.MoveNext(cancellation))
        {
            throw new InvalidOperationException("The loader gave fewer batches than it announced.");
        }

        Batch batch = pass.Current;
        Position = batch.IsLastOfEpoch ? (batch.Epoch + 1, 0) : (batch.Epoch, batch.Index + 1);
        EndsEpoch = fixedLength is int length ? ++batchOfEpoch == length : batch.IsLastOfEpoch;
        return batch;
    }

    public void Dispose()
    {
        pass?.Dispose();
        loader.Dispose();
    }

    private static (int? Limit, int? Fixed) Lengths(TrainerOptions options) =>
        options.FastDevRun ? (1, null) : (options.LimitTrainBatches, options.StepsPerEpoch is int steps ? checked(steps * options.AccumulateSteps) : null);

    private static DataLoaderOptions InOrder(DataLoaderOptions given, TrainerOptions options, int batchSize, Device device) =>
        new() { BatchSize = batchSize, Seed = options.Seed, Device = device, Workers = given.Workers, Prefetch = given.Prefetch, OnError = given.OnError, OnSkip = given.OnSkip };

    private static DataLoaderOptions Settings(DataLoaderOptions given, TrainerOptions options, int batchSize, Device device) => given with
    {
        BatchSize = batchSize,
        Shuffle = options.Shuffle && options.OverfitBatches == 0 && given is { Sampler: null, BatchSampler: null },
        DropLast = options.DropLast && given.BatchSampler is null,
        Seed = options.Seed,
        Device = device,
    };

    // What lies in memory is copied faster than handed over between threads.
    private static DataLoaderOptions Options(Dataset data, TrainerOptions options) => options.Loader ?? (data is TensorDataset ? new DataLoaderOptions { Workers = 0 } : new DataLoaderOptions());
}
