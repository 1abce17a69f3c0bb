using System.Numerics.Tensors;

namespace ModelGen.Onnx.Quantization;

/// <summary>Symmetric signed weights of 8 or 4 bits.</summary>
internal static class WeightQuantizer
{
    /// <summary>Below the smallest normal float32 a scale is useless: such a tensor is all zeros for practical purposes.</summary>
    public const float SmallestScale = 1.17549435e-38f;

    // A quarter of what int32 holds, so that bias plus accumulated products stay inside.
    private const float LargestBias = 1 << 29;

    /// <summary>One scale per output, or the largest of them for all: the largest magnitude becomes the largest integer, unless the bias would then not fit into int32.</summary>
    public static float[] Scales(WeightMatrix weights, float inputScale, float[]? bias, StaticQuantizationOptions options)
    {
        float largest = Largest(options);
        float[] scales = new float[weights.Outputs];
        for (int output = 0; output < scales.Length; output++)
        {
            float magnitude = weights.Inputs == 0 ? 0 : Math.Abs(TensorPrimitives.MaxMagnitude(weights.Row(output)));
            float needed = bias is null ? 0 : Math.Abs(bias[output]) / (inputScale * LargestBias);
            scales[output] = Math.Max(magnitude / largest, needed);
        }

        if (!options.PerChannel && scales.Length > 0)
        {
            Array.Fill(scales, scales.Max());
        }

        return [.. scales.Select(static scale => scale < SmallestScale ? 1 : scale)];
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
