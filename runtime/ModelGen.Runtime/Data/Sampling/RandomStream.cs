namespace ModelGen.Data;

/// <summary>
/// Random numbers of one sample (or of the sampler, of one batch): SplitMix64 from a seed, the same on every machine and .NET version, whichever thread asks. Not thread-safe; every
/// worker has its own.
/// </summary>
/// <param name="seed">Start of the stream.</param>
public sealed class RandomStream(ulong seed)
{
    private ulong state = seed;

    /// <summary>A stream for a place in a run.</summary>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="place">Numbers of the place, such as epoch, batch, row.</param>
    /// <returns>The stream; different places have unrelated ones.</returns>
    public static RandomStream At(int seed, params ReadOnlySpan<long> place)
    {
        var stream = new RandomStream(0);
        stream.MoveTo(seed, place);
        return stream;
    }

    /// <summary>64 random bits.</summary>
    /// <returns>The bits.</returns>
    public ulong NextBits() => SplitMix64.Next(ref state);

    /// <summary>Uniform in [0, 1), a multiple of 2^-53.</summary>
    /// <returns>The number.</returns>
    public double NextDouble() => (NextBits() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform in [low, high).</summary>
    /// <param name="low">Lowest value.</param>
    /// <param name="high">Bound; at least <paramref name="low"/>.</param>
    /// <returns>The number.</returns>
    public double Uniform(double low, double high) => low + ((high - low) * NextDouble());

    /// <summary>A whole number in [0, count).</summary>
    /// <param name="count">How many values there are; at least 1.</param>
    /// <returns>The number.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A count below 1.</exception>
    public int Next(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return (int)(((UInt128)NextBits() * (uint)count) >> 64);
    }

    /// <summary>True with a probability.</summary>
    /// <param name="probability">In [0, 1].</param>
    /// <returns>Whether it happened.</returns>
    public bool Chance(double probability) => NextDouble() < probability;

    /// <summary>Normal with mean 0 and variance 1 (Box and Muller 1958, doi:10.1214/aoms/1177706645).</summary>
    /// <returns>The number.</returns>
    public double Normal() => Math.Sqrt(-2 * Math.Log(1 - NextDouble())) * Math.Cos(2 * Math.PI * NextDouble());

    /// <summary>Beta distributed with both parameters equal.</summary>
    /// <param name="alpha">The parameter, above 0.</param>
    /// <returns>The number, in [0, 1].</returns>
    /// <exception cref="ArgumentOutOfRangeException">A parameter not above 0.</exception>
    public double Beta(double alpha)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(alpha);
        double first = LogGamma(alpha);
        double second = LogGamma(alpha);
        return 1 / (1 + Math.Exp(second - first));
    }

    internal void MoveTo(int seed, params ReadOnlySpan<long> place)
    {
        ulong mixed = SplitMix64.Combine(0, seed);
        foreach (long number in place)
        {
            mixed = SplitMix64.Combine(mixed, number);
        }

        state = mixed;
    }

    /// <summary>Logarithm of a gamma variate (Marsaglia and Tsang 2000, doi:10.1145/358407.358414): small parameters would underflow without it.</summary>
    private double LogGamma(double alpha)
    {
        if (alpha < 1)
        {
            return LogGamma(alpha + 1) + (Math.Log(1 - NextDouble()) / alpha);
        }

        double d = alpha - (1.0 / 3);
        double c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            double x = Normal();
            double v = Math.Pow(1 + (c * x), 3);
            if (v > 0 && Math.Log(1 - NextDouble()) < (x * x / 2) + d - (d * v) + (d * Math.Log(v)))
            {
                return Math.Log(d) + Math.Log(v);
            }
        }
    }
}
