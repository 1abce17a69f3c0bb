namespace ModelGen.Kernels;

/// <content>Written by <c>dotnet run -c Release --project tests/ModelGen.Benchmarks -- choices --write</c>.</content>
internal readonly partial record struct FilteringCosts
{
    /// <summary>The costs with vectors of a width.</summary>
    /// <param name="bits">512, 256 or 128.</param>
    public static FilteringCosts For(int bits) => bits switch
    {
        512 => new(0.0692, 0.0258, 1.75, 27.2, 7.62),
        256 => new(0.0708, 0.0708, 1.93, 33.1, 8.8),
        _ => new(0.161, 0.161, 1.41, 48.7, 6.85),
    };
}
