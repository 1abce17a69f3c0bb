namespace ModelGen.Data;

/// <summary>Chooses the batches of an epoch: a pure function of the epoch.</summary>
public abstract class BatchSampler
{
    /// <summary>Batches of an epoch.</summary>
    public abstract int Count { get; }

    /// <summary>Samples of the largest batch.</summary>
    public abstract int LargestBatch { get; }

    /// <summary>The batches of an epoch, in order.</summary>
    /// <param name="epoch">Number of the epoch.</param>
    /// <returns>Indices into the data set; <see cref="Count"/> batches, none of them empty.</returns>
    public abstract IReadOnlyList<ArraySegment<int>> Batches(int epoch);

    /// <summary>Cuts an order into batches.</summary>
    internal static ArraySegment<int>[] Cut(int[] order, int size, bool dropLast)
    {
        var batches = new ArraySegment<int>[BatchCount(order.Length, size, dropLast)];
        for (int i = 0; i < batches.Length; i++)
        {
            batches[i] = new ArraySegment<int>(order, i * size, Math.Min(size, order.Length - (i * size)));
        }

        return batches;
    }

    internal static int BatchCount(int samples, int size, bool dropLast) => dropLast ? samples / size : (samples + size - 1) / size;
}

/// <summary>Batches of one size, in the order of a sampler.</summary>
public sealed class FixedBatchSampler : BatchSampler
{
    private readonly Sampler sampler;
    private readonly bool dropLast;

    /// <summary>A batch sampler.</summary>
    /// <param name="sampler">Samples of an epoch.</param>
    /// <param name="batchSize">Samples of a batch; at least 1.</param>
    /// <param name="dropLast">Whether a last batch with fewer samples is left out; default false.</param>
    /// <exception cref="ArgumentOutOfRangeException">A batch size below 1.</exception>
    public FixedBatchSampler(Sampler sampler, int batchSize, bool dropLast = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        (this.sampler, LargestBatch, this.dropLast) = (sampler, batchSize, dropLast);
    }

    /// <inheritdoc/>
    public override int Count => BatchCount(sampler.Count, LargestBatch, dropLast);

    /// <inheritdoc/>
    public override int LargestBatch { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<ArraySegment<int>> Batches(int epoch) => Cut(sampler.Order(epoch), LargestBatch, dropLast);
}
