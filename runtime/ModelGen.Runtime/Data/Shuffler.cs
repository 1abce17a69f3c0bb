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
        ulong state = ((ulong)(uint)seed << 32) | (uint)epoch;
        for (int i = count - 1; i > 0; i--)
        {
            int j = (int)(((UInt128)Next(ref state) * (uint)(i + 1)) >> 64);
            (order[i], order[j]) = (order[j], order[i]);
        }

        return order;
    }

    private static ulong Next(ref ulong state)
    {
        state = unchecked(state + 0x9E3779B97F4A7C15);
        ulong mixed = unchecked((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9);
        mixed = unchecked((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB);
        return mixed ^ (mixed >> 31);
    }
}
