namespace ModelGen.Kernels;

/// <summary>Memory of the calling thread that kernels use while they run; it grows to the largest need and is then reused.</summary>
internal static unsafe class Scratch
{
    [ThreadStatic]
    private static NativeMemoryBlock? block;

    [ThreadStatic]
    private static NativeMemoryBlock? images;

    [ThreadStatic]
    private static NativeMemoryBlock? chain;

    /// <summary>As <see cref="Floats"/>, other memory: for what a kernel hands to another one.</summary>
    /// <param name="floats">Number of floats.</param>
    public static float* Images(long floats) => Grow(ref images, floats);

    /// <summary>As <see cref="Floats"/>, other memory: for what is between convolutions that are computed piece by piece.</summary>
    /// <param name="floats">Number of floats.</param>
    public static float* Chain(long floats) => Grow(ref chain, floats);

    /// <summary>At least this many floats, aligned to 64 bytes; what was there before is lost.</summary>
    /// <param name="floats">Number of floats.</param>
    public static float* Floats(long floats) => Grow(ref block, floats);

    private static float* Grow(ref NativeMemoryBlock? memory, long floats)
    {
        long bytes = floats * sizeof(float);
        if (memory is null || memory.Bytes < bytes)
        {
            memory?.Dispose();
            memory = new NativeMemoryBlock(bytes);
        }

        return (float*)memory.Address;
    }
}
