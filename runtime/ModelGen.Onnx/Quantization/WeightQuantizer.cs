namespace ModelGen.Onnx.Quantization;

/// <summary>Symmetric signed 8-bit weights.</summary>
internal static class WeightQuantizer
{
    // A quarter of what int32 holds, so that bias plus accumulated products stay inside.
    private const float LargestBias = 1 << 29;

    /// <summary>Below the smallest normal float32 a scale is useless: such a tensor is all zeros for practical purposes.</summary>
    public const float SmallestScale = 1.17549435e-38f;

    /// <summary>One scale per channel: the largest magnitude becomes 127, unless the bias would then not fit into int32.</summary>
    public static float[] Scales(float[] weights, int channels, int inner, float inputScale, float[]? bias, StaticQuantizationOptions options)
    {
        float[] scales = new float[channels];
        for (int i = 0; i < weights.Length; i++)
        {
            ref float scale = ref scales[i / inner % channels];
            scale = Math.Max(scale, Math.Abs(weights[i]));
        }

        float largest = options.ReduceRange ? 63 : 127;
        for (int channel = 0; channel < channels; channel++)
        {
            float needed = bias is null ? 0 : Math.Abs(bias[channel]) / (inputScale * LargestBias);
            float scale = Math.Max(scales[channel] / largest, needed);
            scales[channel] = scale < SmallestScale ? 1 : scale;
        }

        if (!options.PerChannel)
        {
            Array.Fill(scales, scales.Max());
        }

        return scales;
    }

    public static sbyte[] Quantize(float[] weights, float[] scales, int channels, int inner, int largest)
    {
        sbyte[] integers = new sbyte[weights.Length];
        for (int i = 0; i < integers.Length; i++)
        {
            integers[i] = (sbyte)Math.Clamp(MathF.Round(weights[i] / scales[i / inner % channels], MidpointRounding.ToEven), -largest, largest);
        }

        return integers;
    }
}
