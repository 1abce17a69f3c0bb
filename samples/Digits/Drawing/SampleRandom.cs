namespace Digits.Drawing;

/// <summary>
/// Random numbers of one sample: SplitMix64 (Steele, Lea and Flood 2014) started from a hash of seed, stream and index, so that
/// a sample is the same whoever draws it and in whatever order.
/// </summary>
internal struct SampleRandom
{
    private const ulong Golden = 0x9E3779B97F4A7C15;

    private ulong state;

    public SampleRandom(ulong seed, ulong stream, ulong index)
    {
        state = Mix(Mix(Mix(seed + Golden) ^ (stream * 0xD1B54A32D192ED03)) ^ (index * 0x8CB92BA72F3D8DD7));
    }

    /// <summary>A whole number in [0, bound).</summary>
    public int Next(int bound) => (int)(((NextBits() >> 32) * (ulong)bound) >> 32);

    /// <summary>Uniform in [low, high).</summary>
    public float Uniform(float low, float high) => low + ((high - low) * Unit());

    /// <summary>Standard normal (Box-Muller).</summary>
    public float Normal()
    {
        float radius = MathF.Sqrt(-2 * MathF.Log(1 - Unit()));
        return radius * MathF.Cos(2 * MathF.PI * Unit());
    }

    private float Unit() => (NextBits() >> 40) * (1f / (1 << 24));

    private ulong NextBits()
    {
        state += Golden;
        return Mix(state);
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
