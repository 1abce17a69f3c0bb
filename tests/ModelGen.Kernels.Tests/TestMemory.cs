namespace ModelGen.Kernels.Tests;

/// <summary>Native memory of tests: filled with NaN where nothing was written, with a guard at both ends that must stay untouched.</summary>
internal sealed unsafe class TestMemory : IDisposable
{
    private const int Guard = 64;
    private const float Mark = 12345.678f;

    private readonly NativeMemoryBlock block;

    public TestMemory(long count)
    {
        Count = count;
        block = new NativeMemoryBlock((count + (2 * Guard)) * sizeof(float));
        new Span<float>((float*)block.Address, (int)count + (2 * Guard)).Fill(Mark);
        Span.Fill(float.NaN);
    }

    public TestMemory(ReadOnlySpan<float> values)
        : this(values.Length) => values.CopyTo(Span);

    public long Count { get; }

    public Floats Floats => block.Floats(Guard);

    public Span<float> Span => new(Floats, (int)Count);

    public float this[long index] => Floats[(nint)index];

    /// <summary>Random numbers of a normal distribution.</summary>
    public static TestMemory Random(long count, Random random, double scale = 1)
    {
        var memory = new TestMemory(count);
        foreach (ref float value in memory.Span)
        {
            value = (float)(scale * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        }

        return memory;
    }

    /// <summary>Checks the guards, then frees.</summary>
    public void Dispose()
    {
        float* start = (float*)block.Address;
        for (int i = 0; i < Guard; i++)
        {
            Assert.Equal(Mark, start[i]);
            Assert.Equal(Mark, start[Guard + Count + i]);
        }

        block.Dispose();
    }
}
