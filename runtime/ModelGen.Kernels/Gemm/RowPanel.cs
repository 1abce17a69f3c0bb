namespace ModelGen.Kernels;

/// <summary>A panel of rows: place k of row i is at <c>First[i * Row + k * Step]</c>.</summary>
internal unsafe struct RowPanel
{
    /// <summary>First place of the first row.</summary>
    public float* First;

    /// <summary>Distance of rows.</summary>
    public nint Row;

    /// <summary>Distance of places.</summary>
    public nint Step;

    /// <summary>Distance of rows of this many places: a whole number of cache lines, odd so that rows fall on different places of the cache.</summary>
    public static nint Distance(nint places)
    {
        nint distance = (places + 15) / 16 * 16;
        return distance + (distance % 32 == 0 ? 16 : 0);
    }
}
