namespace ModelGen.Data;

/// <summary>The generator SplitMix64 (Steele et al. 2014, doi:10.1145/2714064.2660195): 64 bits of state, the same numbers on every machine and .NET version.</summary>
internal static class SplitMix64
{
    private const ulong Golden = 0x9E3779B97F4A7C15;

    public static ulong Next(ref ulong state)
    {
        state = unchecked(state + Golden);
        return Mix(state);
    }

    /// <summary>A state made of several numbers: neighbours give unrelated streams.</summary>
    public static ulong Combine(ulong state, long value) => Mix(unchecked((state * Golden) + (ulong)value + 1));

    private static ulong Mix(ulong value)
    {
        ulong mixed = unchecked((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9);
        mixed = unchecked((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB);
        return mixed ^ (mixed >> 31);
    }
}
