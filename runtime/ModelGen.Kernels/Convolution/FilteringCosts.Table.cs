namespace ModelGen.Kernels;

/// <content>Written by <c>dotnet run -c Release --project tests/ModelGen.Benchmarks -- choices --write</c>.</content>
internal readonly partial record struct FilteringCosts
{
    /// <summary>The costs with vectors of a width.</summary>
    /// <param name="bits">512, 256 or 128.</param>
    public static FilteringCosts For(int bits) => bits switch
    {
        512 => new(0.0614, 0.0222, 0.386, 10.5, 2.76, 0.0785, 0.14, 1.4, 1.67),
        256 => new(0.0596, 0.0596, 0.48, 11.3, 0.85, 0.0785, 0.14, 1.4, 1.67),
        _ => new(0.175, 0.175, 0.767, 31.7, 1.59, 0.23, 0.41, 4.1, 4.9),
    };
}
