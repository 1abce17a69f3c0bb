using System.Runtime.InteropServices;
using ModelGen.Data;

namespace ModelGen.Monitoring;

/// <summary>A sample with a large loss.</summary>
/// <param name="Index">Its number in the data set.</param>
/// <param name="Loss">Its loss: cross-entropy, or the mean squared error for regressions.</param>
/// <param name="Actual">True class, or true value of a regression with one output; empty for samples with several targets.</param>
/// <param name="Predicted">What the model gave, likewise.</param>
/// <param name="Confidence">Probability that the model gave to its class, from 0 to 1; null for regressions and samples with several targets.</param>
/// <param name="Picture">The first input as a picture; null when it is none.</param>
public sealed record WorstSample(int Index, double Loss, string Actual, string Predicted, double? Confidence, SamplePicture? Picture);

/// <summary>A sample's input as pixels, its smallest number black and its largest white.</summary>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
/// <param name="Channels">1 for grey, 3 for red, green and blue.</param>
/// <param name="Pixels">Bytes by rows, channels innermost.</param>
public sealed record SamplePicture(int Width, int Height, int Channels, byte[] Pixels)
{
    private const int SmallestSide = 4;

    /// <summary>The picture as a PNG file's bytes.</summary>
    /// <returns>The bytes.</returns>
    public byte[] ToPng() => Png.Encode(Pixels, Width, Height, Channels);

    /// <summary>Whether an input looks like pictures: floats of <c>[1, H, W]</c>, <c>[3, H, W]</c> or <c>[H, W]</c>.</summary>
    internal static bool Fits(FieldSpec field) => field.Type == ElementType.Float32 && field.Shape switch
    {
        [1 or 3, var height, var width] => height >= SmallestSide && width >= SmallestSide,
        [var height, var width] => height >= SmallestSide && width >= SmallestSide,
        _ => false,
    };

    internal static SamplePicture Read(Dataset data, int index)
    {
        byte[][] inputs = [.. data.Inputs.Select(static field => new byte[field.Bytes])];
        data.Read([index], [.. inputs.Select(static buffer => buffer.AsMemory())], new byte[data.Target.Bytes]);
        ReadOnlySpan<float> values = MemoryMarshal.Cast<byte, float>(inputs[0]);
        long[] shape = data.Inputs[0].Shape;
        (int channels, int height, int width) = (shape.Length == 3 ? (int)shape[0] : 1, (int)shape[^2], (int)shape[^1]);
        (float low, float high) = (float.PositiveInfinity, float.NegativeInfinity);
        foreach (float value in values)
        {
            if (float.IsFinite(value))
            {
                (low, high) = (Math.Min(low, value), Math.Max(high, value));
            }
        }

        var pixels = new byte[channels * height * width];
        int plane = height * width;
        for (int i = 0; i < pixels.Length; i++)
        {
            float value = values[(i % channels * plane) + (i / channels)];
            pixels[i] = float.IsFinite(value) && high > low ? (byte)MathF.Round((value - low) / (high - low) * byte.MaxValue) : (byte)0;
        }

        return new SamplePicture(width, height, channels, pixels);
    }
}
