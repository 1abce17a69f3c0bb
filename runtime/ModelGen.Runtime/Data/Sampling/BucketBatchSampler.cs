namespace ModelGen.Data;

/// <summary>
/// Batches of samples of similar length, so that little of a batch is padding: the sampler's order is cut into pools of several batches, each pool is sorted by length and cut into batches,
/// and the batches are shuffled. With a sequential sampler and one pool for everything it is a sort by length.
/// </summary>
public sealed class BucketBatchSampler : BatchSampler
{
    private readonly Sampler sampler;
    private readonly Func<int, int> length;
    private readonly int pool;
    private readonly int seed;
    private readonly bool dropLast;

    /// <summary>A batch sampler.</summary>
    /// <param name="sampler">Samples of an epoch.</param>
    /// <param name="length">Length of a sample, such as <see cref="Dataset.Length"/>.</param>
    /// <param name="batchSize">Samples of a batch; at least 1.</param>
    /// <param name="seed">Seed of the batches' order.</param>
    /// <param name="batchesPerPool">Batches that are sorted together; default 50. More give less padding and less randomness.</param>
    /// <param name="dropLast">Whether the one batch with fewer samples is left out; default false.</param>
    /// <exception cref="ArgumentOutOfRangeException">A batch size or number of batches below 1.</exception>
    public BucketBatchSampler(Sampler sampler, Func<int, int> length, int batchSize, int seed, int batchesPerPool = 50, bool dropLast = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchesPerPool, 1);
        (this.sampler, this.length, LargestBatch, this.seed, this.dropLast) = (sampler, length, batchSize, seed, dropLast);
        pool = (int)Math.Min((long)batchSize * batchesPerPool, int.MaxValue);
    }

    /// <inheritdoc/>
    public override int Count => BatchCount(sampler.Count, LargestBatch, dropLast);

    /// <inheritdoc/>
    public override int LargestBatch { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<ArraySegment<int>> Batches(int epoch)
    {
        int[] order = sampler.Order(epoch);
        for (int start = 0; start < order.Length; start += Math.Min(pool, order.Length - start))
        {
            // A stable sort: samples of equal length keep the sampler's order, on every .NET version.
            Span<int> part = order.AsSpan(start, Math.Min(pool, order.Length - start));
            part.ToArray().OrderBy(length).ToArray().CopyTo(part);
        }

        ArraySegment<int>[] batches = Cut(order, LargestBatch, dropLast);
        Shuffler.Shuffle<ArraySegment<int>>(batches, RandomStream.At(seed, epoch));
        return batches;
    }
}
