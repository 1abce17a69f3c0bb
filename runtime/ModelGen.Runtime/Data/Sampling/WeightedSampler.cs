namespace ModelGen.Data;

/// <summary>Draws samples with given weights, such as the inverse frequency of their class.</summary>
public sealed class WeightedSampler : Sampler
{
    private readonly double[] weights;
    private readonly double[] sums;
    private readonly int seed;
    private readonly bool replacement;

    /// <summary>A sampler.</summary>
    /// <param name="weights">One weight per sample of the data set, finite and not negative; they need not sum to 1.</param>
    /// <param name="samples">Samples of an epoch. Without replacement at most the number of weights above 0.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="replacement">Whether a sample may come several times in an epoch; default true. Without it, samples are chosen as by drawing one after the other (Efraimidis and
    /// Spirakis 2006, doi:10.1016/j.ipl.2005.11.003).</param>
    /// <exception cref="ArgumentException">A weight is negative or not finite, or all are 0.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number of samples out of range.</exception>
    public WeightedSampler(IReadOnlyList<double> weights, int samples, int seed, bool replacement = true)
    {
        this.weights = [.. weights];
        sums = new double[this.weights.Length];
        double sum = 0;
        for (int i = 0; i < sums.Length; i++)
        {
            sum += double.IsFinite(this.weights[i]) && this.weights[i] >= 0
                ? this.weights[i]
                : throw new ArgumentException($"Weight {i} is {this.weights[i]}; weights must be finite and not negative.", nameof(weights));
            sums[i] = sum;
        }

        if (sum == 0)
        {
            throw new ArgumentException("No weight is above 0.", nameof(weights));
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(samples, 1);
        if (!replacement)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(samples, this.weights.Count(static weight => weight > 0));
        }

        (Count, this.seed, this.replacement) = (samples, seed, replacement);
    }

    /// <inheritdoc/>
    public override int Count { get; }

    /// <summary>Weights that make every class equally frequent.</summary>
    /// <param name="labels">Class of each sample, from 0.</param>
    /// <returns>One weight per sample: 1 divided by the frequency of its class.</returns>
    public static double[] Balanced(IReadOnlyList<long> labels)
    {
        Dictionary<long, int> counts = labels.CountBy(static label => label).ToDictionary();
        return [.. labels.Select(label => 1.0 / counts[label])];
    }

    /// <inheritdoc/>
    public override int[] Order(int epoch)
    {
        var random = RandomStream.At(seed, epoch);
        if (!replacement)
        {
            double[] keys = [.. weights.Select(weight => weight > 0 ? Math.Log(1 - random.NextDouble()) / weight : double.NegativeInfinity)];
            int[] order = [.. Enumerable.Range(0, weights.Length)];
            Array.Sort(order, (a, b) => keys[b] != keys[a] ? keys[b].CompareTo(keys[a]) : a.CompareTo(b));
            return order[..Count];
        }

        int[] drawn = new int[Count];
        foreach (ref int index in drawn.AsSpan())
        {
            index = Draw(random.NextDouble() * sums[^1]);
        }

        return drawn;
    }

    /// <summary>The first sample whose cumulative weight is above a value: never one of weight 0.</summary>
    private int Draw(double value)
    {
        int low = 0;
        int high = sums.Length - 1;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = sums[middle] > value ? (low, middle) : (middle + 1, high);
        }

        return low;
    }
}
