namespace ModelGen.Kernels;

/// <summary>Memory of the calling thread that kernels use while they run; it grows to the largest need and is then reused.</summary>
internal static unsafe class Scratch
{
    [ThreadStatic]
    private static NativeMemoryBlock? block;

    /// <summary>At least this many floats, aligned to 64 bytes; what was there before is lost.</summary>
    /// <param name="floats">Number of floats.</param>
    public static float* Floats(long floats)
    {
        long bytes = floats * sizeof(float);
        if (block is null || block.Bytes < bytes)
        {
            block?.Dispose();
            block = new NativeMemoryBlock(bytes);
        }

        return (float*)block.Address;
    }
}
