using System.Diagnostics;
using System.Globalization;
using ModelGen.Kernels;

namespace ModelGen;

/// <summary>How fast copies of one size ran.</summary>
/// <param name="Bytes">Bytes that one copy reads and writes together.</param>
/// <param name="GigabytesPerSecond">Bytes read and written, in 10^9 a second.</param>
public sealed record CopySpeed(long Bytes, double GigabytesPerSecond);

/// <summary>
/// What this machine can do at best, measured with the kernels and threads that steps use: the roofs of the roofline model (Williams, Waterman and Patterson, 2009).
/// </summary>
/// <param name="GigaflopsPerSecond">Float32 matrix product of 1024 x 1024 x 1024, in 10^9 operations a second.</param>
/// <param name="BFloat16GigaflopsPerSecond">The same with operands rounded to bfloat16.</param>
/// <param name="Copies">Copies of rising size, from the second cache to main memory.</param>
public sealed record HardwareLimits(double GigaflopsPerSecond, double BFloat16GigaflopsPerSecond, IReadOnlyList<CopySpeed> Copies)
{
    private const int Size = 1024;
    private const int Tries = 5;

    private static readonly Lazy<HardwareLimits> Measured = new(static () => Hardware.VectorBits switch
    {
        512 => Measure<V512>(),
        256 => Measure<V256>(),
        _ => Measure<V128>(),
    });

    /// <summary>The limits of this machine; measured at the first use, which takes about half a second with all workers.</summary>
    public static HardwareLimits OfThisMachine => Measured.Value;

    /// <summary>The speed of moving a number of bytes: that of the smallest copy that is at least as large, so that what fits into a cache is compared with that cache.</summary>
    /// <param name="bytes">Bytes read and written.</param>
    /// <returns>10^9 bytes a second.</returns>
    public double GigabytesPerSecondFor(long bytes) => (Copies.FirstOrDefault(copy => copy.Bytes >= bytes) ?? Copies[^1]).GigabytesPerSecond;

    /// <summary>The least time that an operation can take: that of its arithmetic or of its memory, whichever is longer.</summary>
    /// <param name="operation">The operation.</param>
    /// <returns>Seconds.</returns>
    public double LeastSeconds(StepOperation operation)
    {
        double peak = operation.Kernel.Contains("BFloat16", StringComparison.Ordinal) ? BFloat16GigaflopsPerSecond : GigaflopsPerSecond;
        return Math.Max(operation.Flops / (peak * 1e9), operation.Bytes / (GigabytesPerSecondFor(operation.Bytes) * 1e9));
    }

    /// <summary>One line, such as <c>84 GFLOP/s; copies 41 GB/s (256 KiB), 12 GB/s (64 MiB)</c>.</summary>
    /// <returns>The line.</returns>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{GigaflopsPerSecond:0.0} GFLOP/s in float32, {BFloat16GigaflopsPerSecond:0.0} in bfloat16; copies {string.Join(", ", Copies.Select(static copy => string.Create(CultureInfo.InvariantCulture, $"{copy.GigabytesPerSecond:0.0} GB/s ({TextTable.Bytes(copy.Bytes)})")))}");

    private static HardwareLimits Measure<V>()
        where V : unmanaged, IVector<V>
    {
        NativeLibraries.ShareThreads();
        using var a = new NativeMemoryBlock(Size * Size * sizeof(float));
        using var b = new NativeMemoryBlock(Size * Size * sizeof(float));
        using var c = new NativeMemoryBlock(Size * Size * sizeof(float));
        var problem = new GemmProblem(Size, Size, Size) { A = a.Floats(), B = b.Floats(), C = c.Floats() };
        const double Operations = 2.0 * Size * Size * Size;
        double plain = Operations / Best(() => Gemm<V>.Run(problem)) / 1e9;
        double rounded = Operations / Best(() => GemmBFloat16<V>.Run(problem)) / 1e9;
        long[] sizes = [1L << 18, 1L << 20, 1L << 22, 1L << 24, 1L << 27];
        return new HardwareLimits(plain, rounded, [.. sizes.Select(Copy)]);
    }

    private static CopySpeed Copy(long bytes)
    {
        using var from = new NativeMemoryBlock(bytes / 2);
        using var to = new NativeMemoryBlock(bytes / 2);
        var copy = new CopyRange { From = from.Floats(), To = to.Floats() };
        nint units = (nint)(bytes / 2 / sizeof(float) / CopyRange.Unit);

        // Small copies are repeated, so that the clock's own cost does not count.
        int repeats = (int)Math.Max(1, (1L << 24) / bytes);
        double seconds = Best(() =>
        {
            for (int i = 0; i < repeats; i++)
            {
                Workers.Run(ref copy, units);
            }
        });
        return new CopySpeed(bytes, bytes * (double)repeats / seconds / 1e9);
    }

    private static double Best(Action action)
    {
        action();
        double best = double.PositiveInfinity;
        for (int i = 0; i < Tries; i++)
        {
            long start = Stopwatch.GetTimestamp();
            action();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }

    private struct CopyRange : IRange
    {
        public const int Unit = 1024;
        public Floats From;
        public Floats To;

        public readonly unsafe void Run(nint from, nint to, int worker)
        {
            long bytes = (to - from) * Unit * sizeof(float);
            Buffer.MemoryCopy((float*)(From + (from * Unit)), (float*)(To + (from * Unit)), bytes, bytes);
        }
    }
}
