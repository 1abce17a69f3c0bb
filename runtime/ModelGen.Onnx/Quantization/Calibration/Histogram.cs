using System.Numerics;
using System.Runtime.InteropServices;

namespace ModelGen.Onnx.Quantization;

/// <summary>Counts of values in bins whose width is a power of two and whose edges are multiples of it.</summary>
/// <remarks>
/// When a value falls outside, the width doubles and bins merge in pairs, so no count is ever split and the result depends on the values alone, not on their order or batches.
/// Memory is constant: <see cref="Bins"/> counters.
/// </remarks>
internal sealed class Histogram
{
    public const int Bins = 4096;

    private readonly long[] counts = new long[Bins];
    private int exponent = int.MinValue;
    private long first;

    /// <summary>Smallest value seen.</summary>
    public float Min { get; private set; } = float.PositiveInfinity;

    /// <summary>Largest value seen.</summary>
    public float Max { get; private set; } = float.NegativeInfinity;

    /// <summary>Number of values.</summary>
    public long Total { get; private set; }

    /// <summary>Width of a bin.</summary>
    public double Width => Math.ScaleB(1, exponent);

    /// <summary>Adds finite values.</summary>
    public void Add(ReadOnlySpan<float> values, float min, float max)
    {
        if (values.IsEmpty)
        {
            return;
        }

        (Min, Max) = (Math.Min(Min, min), Math.Max(Max, max));
        Fit();
        double inverse = Math.ScaleB(1, -exponent);
        long offset = first;
        ref long bin = ref MemoryMarshal.GetArrayDataReference(counts);
        foreach (float value in values)
        {
            System.Runtime.CompilerServices.Unsafe.Add(ref bin, (nint)((long)Math.Floor(value * inverse) - offset))++;
        }

        Total += values.Length;
    }

    /// <summary>The occupied bins: their middles, clamped to the values seen, and their counts.</summary>
    public (double[] Centers, double[] Weights) Occupied()
    {
        var centers = new List<double>();
        var weights = new List<double>();
        for (int i = 0; i < Bins; i++)
        {
            if (counts[i] > 0)
            {
                centers.Add(Math.Clamp((first + i + 0.5) * Width, Min, Max));
                weights.Add(counts[i]);
            }
        }

        return ([.. centers], [.. weights]);
    }

    /// <summary>The value below which a share of all values lies, to the width of a bin.</summary>
    public float Quantile(double share)
    {
        double wanted = share * Total;
        double below = 0;
        for (int i = 0; i < Bins; i++)
        {
            if (below + counts[i] >= wanted && counts[i] > 0)
            {
                double inside = Math.Clamp((wanted - below) / counts[i], 0, 1);
                return (float)Math.Clamp((first + i + inside) * Width, Min, Max);
            }

            below += counts[i];
        }

        return Max;
    }

    /// <summary>Makes the bins cover all values seen.</summary>
    private void Fit()
    {
        int needed = Exponent(Min, Max);
        if (exponent == int.MinValue)
        {
            exponent = needed;
            first = Index(Min);
            return;
        }

        int shift = Math.Max(0, needed - exponent);
        if (shift == 0 && Index(Min) >= first && Index(Max) < first + Bins)
        {
            return;
        }

        exponent += shift;

        // Beyond 63 the shift would wrap around; all numbers are -1 or 0 by then.
        shift = Math.Min(shift, 63);
        long start = Index(Min);
        long[] old = [.. counts];
        Array.Clear(counts);
        for (int i = 0; i < Bins; i++)
        {
            if (old[i] > 0)
            {
                counts[((first + i) >> shift) - start] += old[i];
            }
        }

        first = start;
    }

    private long Index(float value) => (long)Math.Floor(value * Math.ScaleB(1, -exponent));

    // The smallest power of two with which both ends fall within the bins; ranges below 2^-100 count as one point.
    private static int Exponent(float min, float max)
    {
        double range = Math.Max((double)max - min, Math.ScaleB(1, -100));
        int exponent = (int)Math.Ceiling(Math.Log2(range / Bins));
        exponent = Math.Max(exponent, BitOperations.Log2((uint)Bins) - 1074);
        while (Math.Floor(max * Math.ScaleB(1, -exponent)) - Math.Floor(min * Math.ScaleB(1, -exponent)) >= Bins)
        {
            exponent++;
        }

        // Numbers far from zero in a narrow range: their bin numbers must still be exact.
        int largest = (int)Math.Ceiling(Math.Log2(Math.Max(Math.Max(Math.Abs((double)min), Math.Abs((double)max)), double.Epsilon)));
        return Math.Max(exponent, largest - 60);
    }
}
