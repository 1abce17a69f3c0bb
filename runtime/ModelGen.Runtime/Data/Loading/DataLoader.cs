using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.Data;

/// <summary>
/// Batches of a data set, made ahead by worker threads in memory that is used again and again. What is in a batch depends on the seed, its epoch and its number only: not on the number of
/// workers, nor on what was read before. So the position (epoch, batch) is all that a checkpoint needs to go on.
/// </summary>
/// <remarks>Used by one thread at a time; <see cref="Dispose"/> may be called from any.</remarks>
public sealed class DataLoader : IDisposable
{
    private const int KeptFaults = 100;

    private readonly Lock gate = new();
    private readonly DataLoaderOptions options;
    private readonly BatchLayout layout;
    private readonly ISampleReader reader;
    private readonly StreamingDataset? stream;
    private readonly BatchSampler? batchSampler;
    private readonly Device device;
    private readonly List<SampleFault> faults = [];
    private BatchSlot[]? idleSlots;
    private BatchBuffers? deviceBuffers;
    private BatchPass? active;
    private DataLoaderStatistics statistics;
    private bool disposed;

    /// <summary>A loader of a map-style data set.</summary>
    /// <param name="data">The samples; the loader does not dispose it.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="ArgumentException">The data set is empty, there is no whole batch, or settings exclude each other.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of range.</exception>
    public DataLoader(Dataset data, DataLoaderOptions? options = null)
        : this(data.Inputs, data.Target, new IndexedReader(data), options)
    {
        if (data.Count == 0)
        {
            throw new ArgumentException("The data set is empty.", nameof(data));
        }

        batchSampler = BatchSamplerOf(data);
        if (batchSampler.Count == 0)
        {
            throw new ArgumentException($"There is no whole batch of {batchSampler.LargestBatch} samples for each process in {data.Count}; use a smaller batch or keep the last one (DropLast = false).", nameof(options));
        }

        BatchesPerEpoch = batchSampler.Count;
    }

    /// <summary>A loader of a stream.</summary>
    /// <param name="data">The records; the loader does not dispose it.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <exception cref="ArgumentException">Samplers were given: a stream has its own order.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of range.</exception>
    public DataLoader(StreamingDataset data, DataLoaderOptions? options = null)
        : this(data.Inputs, data.Target, new RecordReader(data), options)
    {
        if (this.options.Sampler is not null || this.options.BatchSampler is not null)
        {
            throw new ArgumentException("A stream is read from front to back; samplers are for map-style data sets. Shuffle and ShuffleBuffer shuffle a stream.", nameof(options));
        }

        stream = data;
    }

    private DataLoader(IReadOnlyList<FieldSpec> inputs, FieldSpec target, ISampleReader reader, DataLoaderOptions? options)
    {
        this.options = options ??= new DataLoaderOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BatchSize, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Workers);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Prefetch ?? 1, 1, nameof(options.Prefetch));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ShuffleBuffer, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.World, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Rank);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(options.Rank, options.World);
        layout = new BatchLayout(inputs, target, options.BatchTransforms);
        device = options.Device ?? CPU;
        this.reader = reader;
        Inputs = inputs;
    }

    /// <summary>The inputs of a sample, in the order of <see cref="Batch.Inputs"/>.</summary>
    public IReadOnlyList<FieldSpec> Inputs { get; }

    /// <summary>The target of a sample, after the transforms of batches.</summary>
    public FieldSpec Target => layout.Target;

    /// <summary>Batches of an epoch; null for a stream, whose length is known at its end only.</summary>
    public int? BatchesPerEpoch { get; }

    /// <summary>What the loader has done since it was made.</summary>
    public DataLoaderStatistics Statistics
    {
        get
        {
            lock (gate)
            {
                return statistics;
            }
        }
    }

    /// <summary>Time that the consumer has waited for batches.</summary>
    public TimeSpan StallTime => Statistics.StallTime;

    /// <summary>Samples left out because they could not be read.</summary>
    public long SkippedSamples => Statistics.SkippedSamples;

    /// <summary>The first hundred samples that were left out.</summary>
    public IReadOnlyList<SampleFault> SkipReport
    {
        get
        {
            lock (gate)
            {
                return [.. faults];
            }
        }
    }

    /// <summary>
    /// Batches from a position on. Workers start with the enumeration; with several epochs they go on to the next one while the consumer still works on the last batches of one, or
    /// validates behind it.
    /// </summary>
    /// <param name="epoch">The first epoch.</param>
    /// <param name="firstBatch">The first batch of that epoch: to go on behind a batch, its <see cref="Batch.Index"/> plus 1. A stream is read up to there again.</param>
    /// <param name="epochs">Number of epochs.</param>
    /// <param name="cancellation">Ends a wait for a batch with <see cref="OperationCanceledException"/>.</param>
    /// <returns>The batches. One enumeration at a time; each batch is valid until the next is asked for.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A negative number, or no epoch.</exception>
    public IEnumerable<Batch> Batches(int epoch = 0, int firstBatch = 0, int epochs = 1, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentOutOfRangeException.ThrowIfNegative(firstBatch);
        ArgumentOutOfRangeException.ThrowIfLessThan(epochs, 1);
        if (BatchesPerEpoch is int count)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(firstBatch, count);
        }

        return new BatchSequence(this, epoch, firstBatch, epochs, cancellation);
    }

    /// <summary>
    /// Stops a pass that is going on and frees the memory. Returns when the workers have finished the samples they are at, so that the data set may be disposed then; one that is stuck
    /// in a read for ten seconds is left behind, and frees its memory when it comes back.
    /// </summary>
    public void Dispose()
    {
        BatchPass? pass;
        lock (gate)
        {
            disposed = true;
            pass = active;
        }

        pass?.StopFromLoader();
        lock (gate)
        {
            Free();
        }
    }

    /// <summary>Begins a pass.</summary>
    /// <param name="epoch">The first epoch.</param>
    /// <param name="firstBatch">The first batch of that epoch.</param>
    /// <param name="epochs">Number of epochs.</param>
    /// <param name="limit">Batches of an epoch at most; null for all.</param>
    /// <param name="cancellation">Ends a wait for a batch.</param>
    /// <returns>The pass.</returns>
    internal BatchPass Begin(int epoch, int firstBatch, int epochs, int? limit, CancellationToken cancellation)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            if (active is not null)
            {
                throw new InvalidOperationException("Another pass over this loader is going on; finish or dispose it first, or use a second loader.");
            }

            BatchPlan plan = stream is null
                ? new SampledPlan(batchSampler!, epoch, firstBatch, epochs, limit)
                : new StreamPlan(stream, options, epoch, firstBatch, epochs, limit);
            BatchSlot[] slots = idleSlots ?? CreateSlots();
            idleSlots = null;
            active = new BatchPass(this, new BatchPipeline(plan, slots, options.Workers, () => new BatchFiller(layout, reader, options)), slots, cancellation);
            return active;
        }
    }

    /// <summary>A pass is over; its slots are used again unless a worker still holds them.</summary>
    internal void Ended(BatchPass pass, BatchSlot[]? slots)
    {
        lock (gate)
        {
            idleSlots = slots;
            if (ReferenceEquals(active, pass))
            {
                active = null;
            }

            if (disposed)
            {
                Free();
            }
        }
    }

    internal Batch HandOut(BatchSlot slot)
    {
        var tensors = new Tensor[layout.Inputs + 1];
        for (int i = 0; i < tensors.Length; i++)
        {
            int field = i < layout.Inputs ? i : layout.TargetOf[^1];
            tensors[i] = slot.Buffers.View(field, slot.Count, slot.Length);
            if (device.type != DeviceType.CPU)
            {
                tensors[i] = OnDevice(tensors[i], slot, field);
            }
        }

        lock (gate)
        {
            statistics = statistics with
            {
                Batches = statistics.Batches + 1,
                Samples = statistics.Samples + slot.Count,
                WorkTime = statistics.WorkTime + Stopwatch.GetElapsedTime(0, slot.WorkTicks),
            };
        }

        return new Batch(slot.Work!, tensors, slot.Count);
    }

    internal void Report(BatchSlot slot)
    {
        lock (gate)
        {
            statistics = statistics with { SkippedSamples = statistics.SkippedSamples + slot.Faults.Count };
            faults.AddRange(slot.Faults.Take(KeptFaults - faults.Count));
        }

        if (options.OnSkip is { } report)
        {
            slot.Faults.ForEach(report);
        }
    }

    internal void Waited(long start, bool first)
    {
        TimeSpan time = Stopwatch.GetElapsedTime(start);
        lock (gate)
        {
            statistics = statistics with
            {
                StallTime = statistics.StallTime + time,
                FirstBatchTime = statistics.FirstBatchTime + (first ? time : TimeSpan.Zero),
            };
        }
    }

    private BatchSampler BatchSamplerOf(Dataset data)
    {
        if (options.BatchSampler is { } given)
        {
            return !options.Shuffle && !options.DropLast && options.Sampler is null && options.World == 1
                ? given
                : throw new ArgumentException("A BatchSampler chooses samples and batches itself: give Shuffle, DropLast, Rank and World to its own sampler.", nameof(data));
        }

        if (options.Sampler is not null && options.Shuffle)
        {
            throw new ArgumentException("A Sampler chooses the order itself: leave Shuffle false, or leave the Sampler out.", nameof(data));
        }

        Sampler sampler = options.Sampler ?? (options.Shuffle ? new RandomSampler(data.Count, options.Seed) : new SequentialSampler(data.Count));
        sampler = options.World > 1 ? new DistributedSampler(sampler, options.Rank, options.World, options.DropLast) : sampler;
        return new FixedBatchSampler(sampler, options.BatchSize, options.DropLast);
    }

    private BatchSlot[] CreateSlots()
    {
        bool cuda = device.type == DeviceType.CUDA;
        int ahead = options.Prefetch ?? Math.Max(1, 2 * options.Workers);

        // Without workers nothing is made ahead; on a GPU the next batch is then still filled while the last one is copied.
        int count = options.Workers > 0 ? ahead + 1 : cuda ? 2 : 1;
        return [.. Enumerable.Range(0, count).Select(_ => new BatchSlot(new BatchBuffers(layout.All, cuda ? device : CPU, cuda), layout.All.Length))];
    }

    /// <summary>
    /// Copies a field to the device: without waiting where its memory is pinned. The device's memory is used again for the next batch; that is safe because copies and the consumer's
    /// work are given to the same stream, one after the other.
    /// </summary>
    private Tensor OnDevice(Tensor host, BatchSlot slot, int field)
    {
        using (host)
        {
            bool pinned = device.type == DeviceType.CUDA;
            deviceBuffers ??= new BatchBuffers(layout.All, device, pinned: false);
            deviceBuffers.Reserve(field, host.numel());
            Tensor target = deviceBuffers.View(field, slot.Count, slot.Length);
            target.copy_(host, pinned).DisposeAliasOf(target);
            slot.Buffers.CopyPending = pinned;
            return target;
        }
    }

    private void Free()
    {
        foreach (BatchSlot slot in idleSlots ?? [])
        {
            slot.Buffers.Dispose();
        }

        idleSlots = null;
        deviceBuffers?.Dispose();
        deviceBuffers = null;
    }
}
