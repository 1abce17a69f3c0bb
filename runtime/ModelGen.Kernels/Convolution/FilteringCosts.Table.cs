namespace ModelGen.Kernels;

/// <content>Written by <c>dotnet run -c Release --project tests/ModelGen.Benchmarks -- choices --write</c>.</content>
internal readonly partial record struct FilteringCosts
{
    /// <summary>The costs with vectors of a width.</summary>
    /// <param name="bits">512, 256 or 128.</param>
    public static FilteringCosts For(int bits) => bits switch
    {
        512 => new(0.0601, 0.0204, 0.458, 12.3, 3.76, 0.00901, 3.35, 1.22),
        256 => new(0.079, 0.079, 0.715, 15.6, 2.74, 0.0114, 4.57, 0),
        _ => new(0.226, 0.226, 2.18, 46.4, 3.38, 0.0377, 15.5, 0.941),
    };
}
