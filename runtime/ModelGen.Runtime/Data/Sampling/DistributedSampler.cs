namespace ModelGen.Data;

/// <summary>
/// One process's share of another sampler's epoch: every <c>world</c>-th sample, as PyTorch's <c>DistributedSampler</c>. All processes get equally many samples, because one that has a
/// step more would wait for the others for ever.
/// </summary>
public sealed class DistributedSampler : Sampler
{
    private readonly Sampler sampler;
    private readonly int rank;
    private readonly int world;

    /// <summary>A sampler.</summary>
    /// <param name="sampler">The samples of all processes; it must be the same in each (same seed).</param>
    /// <param name="rank">Number of this process, from 0.</param>
    /// <param name="world">Number of processes.</param>
    /// <param name="dropLast">What is done when the samples cannot be shared equally: true leaves the last ones out, false (default) takes the first ones again.</param>
    /// <exception cref="ArgumentOutOfRangeException">A rank not below the number of processes.</exception>
    /// <exception cref="ArgumentException">No process would get a sample.</exception>
    public DistributedSampler(Sampler sampler, int rank, int world, bool dropLast = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(world, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(rank);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(rank, world);
        (this.sampler, this.rank, this.world) = (sampler, rank, world);
        Count = dropLast ? sampler.Count / world : (sampler.Count + world - 1) / world;
        if (Count == 0)
        {
            throw new ArgumentException($"{sampler.Count} samples cannot be shared by {world} processes with dropLast.", nameof(sampler));
        }
    }

    /// <inheritdoc/>
    public override int Count { get; }

    /// <inheritdoc/>
    public override int[] Order(int epoch)
    {
        int[] all = sampler.Order(epoch);
        int[] own = new int[Count];
        for (int i = 0; i < own.Length; i++)
        {
            own[i] = all[((i * world) + rank) % all.Length];
        }

        return own;
    }
}
