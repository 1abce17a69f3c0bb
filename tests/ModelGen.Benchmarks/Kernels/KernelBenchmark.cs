using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using ModelGen.Kernels;

namespace ModelGen.Benchmarks;

/// <summary>
/// Kernels alone, against eager TorchSharp in the same process, in turns; medians. The floor is what the hardware allows: operations over the speed of the innermost
/// product in the nearest cache, or bytes over the speed of copying memory of that size, whichever takes longer.
/// </summary>
internal static class KernelBenchmark
{
    private const int Rounds = 31;

    private static readonly (string Family, Func<IEnumerable<KernelCase>> Cases)[] Families =
    [
        ("gemm", GemmCases.Cases),
        ("attention", AttentionCases.Cases),
        ("recurrent", RecurrentCases.Cases),
        ("conv", ConvolutionCases.Cases),
        ("groupedconv", ConvolutionCases.Grouped),
        ("bf16", BFloat16Cases.Cases),
        ("memory", MemoryCases.Cases),
    ];

    public static int Run(string? only, string? json)
    {
        (string Family, Func<IEnumerable<KernelCase>> Cases)[] families = [.. Families.Where(family => only is null || family.Family.Equals(only, StringComparison.OrdinalIgnoreCase))];
        if (families.Length == 0)
        {
            Console.Error.WriteLine($"There is no family '{only}'. There are: {string.Join(", ", Families.Select(static family => family.Family))}.");
            return 2;
        }

        NativeLibraries.EnsureLoaded();
        NativeLibraries.ShareThreads();
        using IDisposable guard = torch.no_grad();
        double peak = Peak();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Hardware.VectorBits}-bit vectors, {Workers.Count} workers ({(Workers.UsesOpenMP ? "libtorch's threads" : "own threads")}), peak {peak:N0} GFLOP/s"));
        Console.WriteLine($"{"kernel",-36} {"ours ms",10} {"torch ms",10} {"ratio",7} {"GFLOP/s",9} {"GB/s",7} {"of floor",9}");
        var rows = new List<object>();
        foreach (KernelCase kernel in families.SelectMany(static family => family.Cases()))
        {
            (double ours, double theirs, double floats) = Measure(kernel);
            double copy = CopySpeed(kernel.Bytes);
            double floor = Math.Max(kernel.Flops / (peak * 1e6), kernel.Bytes / (copy * 1e6));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{kernel.Family + " " + kernel.Name,-36} {ours,10:N4} {(kernel.Torch is null ? "" : theirs.ToString("N4", CultureInfo.InvariantCulture)),10} {(kernel.Torch is null ? "" : (theirs / ours).ToString("N2", CultureInfo.InvariantCulture)),7} {kernel.Flops / ours / 1e6,9:N0} {kernel.Bytes / ours / 1e6,7:N0} {floor / ours,9:P0}{(kernel.Floats is null ? "" : $"   in floats {floats:N4} ms, {kernel.Flops / floats / 1e6:N0} GFLOP/s: {floats / ours:N2}")}"));
            rows.Add(new { family = kernel.Family, name = kernel.Name, ms = ours, torchMs = kernel.Torch is null ? (double?)null : theirs, gflops = kernel.Flops / ours / 1e6, gbytes = kernel.Bytes / ours / 1e6, floorShare = floor / ours, floatsMs = kernel.Floats is null ? (double?)null : floats });
        }

        if (json is not null)
        {
            File.WriteAllText(json, JsonSerializer.Serialize(rows, new JsonSerializerOptions { WriteIndented = true }));
        }

        return 0;
    }

    private static (double Ours, double Torch, double Floats) Measure(KernelCase kernel)
    {
        // As many repetitions as make a sample of about half a millisecond, so that the clock does not matter.
        kernel.Ours();
        kernel.Torch?.Invoke();
        long start = Stopwatch.GetTimestamp();
        kernel.Ours();
        int repeat = (int)Math.Clamp(0.5 / Math.Max(Stopwatch.GetElapsedTime(start).TotalMilliseconds, 1e-4), 1, 1000);
        Sample(kernel.Ours, repeat);
        var ours = new List<double>();
        var theirs = new List<double>();
        var floats = new List<double>();
        for (int round = 0; round < Rounds; round++)
        {
            ours.Add(Sample(kernel.Ours, repeat));
            if (kernel.Torch is not null)
            {
                theirs.Add(Sample(kernel.Torch, repeat));
            }

            if (kernel.Floats is not null)
            {
                floats.Add(Sample(kernel.Floats, repeat));
            }
        }

        return (Median(ours), theirs.Count == 0 ? 0 : Median(theirs), floats.Count == 0 ? 0 : Median(floats));
    }

    /// <summary>Median times in milliseconds of several ways of doing the same, in turns.</summary>
    internal static double[] InTurns(Action[] ways, int rounds)
    {
        var times = ways.Select(static _ => new List<double>()).ToList();
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < ways.Length; i++)
            {
                times[i].Add(Sample(ways[i], 1));
            }
        }

        return [.. times.Select(Median)];
    }

    private static double Sample(Action action, int repeat)
    {
        action();
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < repeat; i++)
        {
            action();
        }

        return Stopwatch.GetElapsedTime(start).TotalMilliseconds / repeat;
    }

    internal static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    /// <summary>GFLOP/s of all workers with everything in registers.</summary>
    private static double Peak()
    {
        var job = default(MultiplyAdds);
        double best = double.MaxValue;
        for (int i = 0; i < 50; i++)
        {
            long start = Stopwatch.GetTimestamp();
            Workers.Run(ref job, Workers.Count);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return Workers.Count * (Hardware.VectorBits / 32) * 2.0 * MultiplyAdds.Chains * MultiplyAdds.Count / best / 1e6;
    }

    /// <summary>GB/s (read and written) of copying half of this many bytes, by all workers.</summary>
    internal static double CopySpeed(double bytes)
    {
        nint floats = (nint)Math.Max(bytes / 8, 16);
        using var source = new NativeMemoryBlock(floats * sizeof(float));
        using var target = new NativeMemoryBlock(floats * sizeof(float));
        var job = new CopyJob { Source = source.Floats(), Target = target.Floats() };
        int repeat = (int)Math.Clamp(4e6 / bytes, 1, 1000);
        double best = double.MaxValue;
        for (int i = 0; i < 15; i++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int j = 0; j < repeat; j++)
            {
                Workers.Run(ref job, floats, 4096);
            }

            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds / repeat);
        }

        return floats * 8 / best / 1e6;
    }

    private struct MultiplyAdds : IRange
    {
        public const int Chains = 14;
        public const int Count = 200_000;

        /// <summary>Keeps the result alive, so that the loop is not removed.</summary>
        public float Sink;

        public void Run(nint from, nint to, int worker) => Sink = Hardware.VectorBits switch
        {
            512 => Spin<V512>(),
            256 => Spin<V256>(),
            _ => Spin<V128>(),
        };

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float Spin<V>()
            where V : unmanaged, IVector<V>
        {
            V a = V.All(0.5f), b = V.All(1e-3f);
            V c0 = a, c1 = b, c2 = a, c3 = b, c4 = a, c5 = b, c6 = a, c7 = b, c8 = a, c9 = b, c10 = a, c11 = b, c12 = a, c13 = b;
            for (int i = 0; i < Count; i++)
            {
                c0 = V.Fma(c0, a, b);
                c1 = V.Fma(c1, a, b);
                c2 = V.Fma(c2, a, b);
                c3 = V.Fma(c3, a, b);
                c4 = V.Fma(c4, a, b);
                c5 = V.Fma(c5, a, b);
                c6 = V.Fma(c6, a, b);
                c7 = V.Fma(c7, a, b);
                c8 = V.Fma(c8, a, b);
                c9 = V.Fma(c9, a, b);
                c10 = V.Fma(c10, a, b);
                c11 = V.Fma(c11, a, b);
                c12 = V.Fma(c12, a, b);
                c13 = V.Fma(c13, a, b);
            }

            return V.Sum(c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9 + c10 + c11 + c12 + c13);
        }
    }

    private unsafe struct CopyJob : IRange
    {
        public Floats Source;
        public Floats Target;

        public readonly void Run(nint from, nint to, int worker) => Buffer.MemoryCopy((float*)Source + from, (float*)Target + from, (to - from) * 4, (to - from) * 4);
    }
}
