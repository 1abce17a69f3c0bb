namespace ModelGen.Data;

/// <summary>Chooses the samples of an epoch and their order: a pure function of the epoch, so that a run can go on anywhere.</summary>
public abstract class Sampler
{
    /// <summary>Samples of an epoch.</summary>
    public abstract int Count { get; }

    /// <summary>The samples of an epoch, in order.</summary>
    /// <param name="epoch">Number of the epoch.</param>
    /// <returns>Indices into the data set, <see cref="Count"/> of them; the caller may change the array.</returns>
    public abstract int[] Order(int epoch);
}

/// <summary>Every sample once, in the order of the data set.</summary>
/// <param name="count">Samples of the data set.</param>
public sealed class SequentialSampler(int count) : Sampler
{
    /// <inheritdoc/>
    public override int Count => count;

    /// <inheritdoc/>
    public override int[] Order(int epoch) => [.. Enumerable.Range(0, count)];
}

/// <summary>Samples at random: every one once in a new order each epoch, or drawn with replacement.</summary>
public sealed class RandomSampler : Sampler
{
    private readonly int size;
    private readonly int seed;
    private readonly bool replacement;

    /// <summary>A sampler.</summary>
    /// <param name="size">Samples of the data set; at least 1.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="samples">Samples of an epoch; null for as many as the data set has. Without replacement at most that.</param>
    /// <param name="replacement">Whether a sample may come several times in an epoch; default false.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size or number of samples out of range.</exception>
    public RandomSampler(int size, int seed, int? samples = null, bool replacement = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        Count = samples ?? size;
        ArgumentOutOfRangeException.ThrowIfLessThan(Count, 1, nameof(samples));
        if (!replacement)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(Count, size, nameof(samples));
        }

        (this.size, this.seed, this.replacement) = (size, seed, replacement);
    }

    /// <inheritdoc/>
    public override int Count { get; }

    /// <inheritdoc/>
    public override int[] Order(int epoch)
    {
        if (!replacement)
        {
            return Shuffler.Permutation(size, seed, epoch)[..Count];
        }

        var random = RandomStream.At(seed, epoch);
        int[] order = new int[Count];
        foreach (ref int index in order.AsSpan())
        {
            index = random.Next(size);
        }

        return order;
    }
}
