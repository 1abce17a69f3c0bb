using System.Numerics.Tensors;

namespace ModelGen.Onnx.Quantization;

/// <summary>Symmetric signed weights of 8 or 4 bits.</summary>
internal static class WeightQuantizer
{
    /// <summary>Below the smallest normal float32 a scale is useless: such a tensor is all zeros for practical purposes.</summary>
    public const float SmallestScale = 1.17549435e-38f;

    // A quarter of what int32 holds, so that bias plus accumulated products stay inside.
    private const float LargestBias = 1 << 29;

    // Shares of the largest magnitude at which weights are cut off, in per cent: below a third of it nothing is won even with 4 bits.
    private const int LeastClip = 34;
    private const int ClipStep = 2;

    /// <summary>
    /// One scale per output, or one for all: the largest magnitude becomes the largest integer, or less of it where that is better and the options want it, unless the bias would then not fit
    /// into int32.
    /// </summary>
    public static float[] Scales(WeightMatrix weights, float inputScale, float[]? bias, StaticQuantizationOptions options)
    {
        int largest = Largest(options);
        float[] scales = new float[weights.Outputs];
        Parallel.For(0, scales.Length, output => scales[output] = Fitting(options.PerChannel && options.ClipWeights, weights.Row(output), largest));
        if (!options.PerChannel && scales.Length > 0)
        {
            Array.Fill(scales, options.ClipWeights ? Fitting(true, weights.Rows, largest) : scales.Max());
        }

        for (int output = 0; bias is not null && output < scales.Length; output++)
        {
            scales[output] = Math.Max(scales[output], Math.Abs(bias[output]) / (inputScale * LargestBias));
        }

        if (!options.PerChannel && scales.Length > 0)
        {
            Array.Fill(scales, scales.Max());
        }

        return [.. scales.Select(static scale => scale < SmallestScale ? 1 : scale)];
    }

    private static float Fitting(bool clips, ReadOnlySpan<float> weights, int largest)
    {
        float magnitude = weights.IsEmpty ? 0 : Math.Abs(TensorPrimitives.MaxMagnitude(weights));
        (float best, double least) = (magnitude / largest, double.PositiveInfinity);
        for (int share = 100; clips && best >= SmallestScale && share >= LeastClip; share -= ClipStep)
        {
            float scale = magnitude / largest * (share / 100f);
            double error = 0;
            foreach (float weight in weights)
            {
                float rest = weight - (Math.Clamp(MathF.Round(weight / scale), -largest, largest) * scale);
                error += rest * rest;
            }

            (best, least) = error < least ? (scale, error) : (best, least);
        }

        return best;
    }

    /// <summary>One scale per column of a lookup's table.</summary>
    public static float[] TableScales(WeightMatrix columns) => Scales(columns, 1, null, new StaticQuantizationOptions());

    /// <summary>The largest integer of a number in a lookup's table.</summary>
    public const int LargestInTable = 127;

    /// <summary>The largest integer of a weight: 127, 63 with a reduced range, 7 of 4 bits.</summary>
    public static int Largest(StaticQuantizationOptions options) => options.WeightBits == 4 ? 7 : options.ReduceRange ? 63 : 127;

    /// <summary>Each weight to the nearest integer.</summary>
    public static sbyte[] Nearest(WeightMatrix weights, float[] scales, int largest)
    {
        sbyte[] integers = new sbyte[weights.Rows.Length];
        for (int i = 0; i < integers.Length; i++)
        {
            integers[i] = (sbyte)Math.Clamp(MathF.Round(weights.Rows[i] / scales[i / weights.Inputs], MidpointRounding.ToEven), -largest, largest);
        }

        return integers;
    }
}
