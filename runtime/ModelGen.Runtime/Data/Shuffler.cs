namespace ModelGen.Data;

/// <summary>Deterministic permutations: the same for a seed and epoch on every machine and .NET version.</summary>
public static class Shuffler
{
    /// <summary>A permutation of the numbers below a count.</summary>
    /// <param name="count">How many numbers.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="epoch">Epoch; each gives another permutation.</param>
    /// <returns>The permutation (Fisher and Yates, driven by SplitMix64, Steele et al. 2014, doi:10.1145/2714064.2660195).</returns>
    public static int[] Permutation(int count, int seed, int epoch)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        Shuffle(order, new RandomStream(((ulong)(uint)seed << 32) | (uint)epoch));
        return order;
    }

    internal static void Shuffle<T>(Span<T> values, RandomStream random)
    {
        for (int i = values.Length - 1; i > 0; i--)
        {
            int j = random.Next(i + 1);
            (values[i], values[j]) = (values[j], values[i]);
        }
    }
}
