using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ModelGen.Data;

/// <summary>Changes of colours, with the roundings of torchvision for uint8 images.</summary>
internal static class Colors
{
    private const float Red = 0.2989f;
    private const float Green = 0.587f;
    private const float Blue = 0.114f;

    /// <summary>Every value times a factor.</summary>
    public static void Brightness(Image image, double factor) => Blend(image, (float)factor, 0);

    /// <summary>Every value's distance from the mean grey times a factor.</summary>
    public static void Contrast(Image image, double factor)
    {
        long sum = 0;
        foreach (uint word in image.Words)
        {
            sum += Grey(word);
        }

        float mean = (float)((double)sum / (image.Width * image.Height));
        Blend(image, (float)factor, (float)(1 - factor) * mean);
    }

    /// <summary>Every value's distance from its pixel's grey times a factor.</summary>
    public static void Saturation(Image image, double factor)
    {
        Vector128<float> own = Vector128.Create((float)factor);
        float other = (float)(1 - factor);
        foreach (ref uint word in image.Words)
        {
            word = Narrow((Widen(word) * own) + Vector128.Create(other * Grey(word)));
        }
    }

    /// <summary>Turns the hue by a share of the circle (HSV).</summary>
    public static void Hue(Image image, double turn)
    {
        foreach (ref uint word in image.Words)
        {
            word = TurnHue(word, (float)turn);
        }
    }

    public static void MakeGrey(Image image, int channels)
    {
        foreach (ref uint word in image.Words)
        {
            word = Grey(word) * 0x010101u;
        }

        if (channels == 1)
        {
            image.MakeGrey();
        }
    }

    /// <summary>Distance from the image smoothed with 3 x 3 weights (1 around 5) times a factor; the border stays.</summary>
    public static void Sharpness(Image image, double factor)
    {
        (int width, int height) = (image.Width, image.Height);
        ReadOnlySpan<uint> from = image.Words;
        Span<uint> to = MemoryMarshal.Cast<byte, uint>(image.Scratch(width, height));
        from.CopyTo(to);
        (Vector128<float> own, Vector128<float> other) = (Vector128.Create((float)factor), Vector128.Create((float)(1 - factor)));
        for (int row = 1; row < height - 1; row++)
        {
            for (int column = 1; column < width - 1; column++)
            {
                int at = (row * width) + column;
                Vector128<float> pixel = Widen(from[at]);
                Vector128<float> sum = pixel * 4f;
                for (int neighbour = -width; neighbour <= width; neighbour += width)
                {
                    sum += Widen(from[at + neighbour - 1]) + Widen(from[at + neighbour]) + Widen(from[at + neighbour + 1]);
                }

                Vector128<float> smooth = Vector128.Round(sum / 13f);
                to[at] = Narrow((pixel * own) + (smooth * other));
            }
        }

        image.Replace(width, height);
    }

    /// <summary>Keeps the upper bits of every value.</summary>
    public static void Posterize(Image image, int bits)
    {
        uint mask = (uint)(0xFF << (8 - bits) & 0xFF) * 0x01010101u;
        foreach (ref uint word in image.Words)
        {
            word &= mask;
        }
    }

    /// <summary>Inverts the values from a threshold on.</summary>
    public static void Solarize(Image image, double threshold)
    {
        Span<byte> map = stackalloc byte[256];
        for (int value = 0; value < 256; value++)
        {
            map[value] = (byte)(value >= threshold ? 255 - value : value);
        }

        Map(image, map, map, map);
    }

    /// <summary>Spreads every channel over the whole range.</summary>
    public static void AutoContrast(Image image)
    {
        Span<int> counts = stackalloc int[3 * 256];
        Count(image, counts);
        Span<byte> maps = stackalloc byte[3 * 256];
        for (int channel = 0; channel < 3; channel++)
        {
            ReadOnlySpan<int> own = counts.Slice(256 * channel, 256);
            int low = own.IndexOfAnyExcept(0);
            int high = own.LastIndexOfAnyExcept(0);
            float scale = high > low ? 255f / (high - low) : 1;
            int start = high > low ? low : 0;
            for (int value = 0; value < 256; value++)
            {
                maps[(256 * channel) + value] = (byte)Math.Clamp((value - start) * scale, 0, 255);
            }
        }

        Map(image, maps[..256], maps.Slice(256, 256), maps[512..]);
    }

    /// <summary>Makes the values of every channel about equally frequent, as Pillow's <c>ImageOps.equalize</c>.</summary>
    public static void Equalize(Image image)
    {
        Span<int> counts = stackalloc int[3 * 256];
        Count(image, counts);
        Span<byte> maps = stackalloc byte[3 * 256];
        for (int channel = 0; channel < 3; channel++)
        {
            ReadOnlySpan<int> own = counts.Slice(256 * channel, 256);
            int step = ((image.Width * image.Height) - own[own.LastIndexOfAnyExcept(0)]) / 255;
            long below = step / 2;
            for (int value = 0; value < 256; value++)
            {
                maps[(256 * channel) + value] = step == 0 ? (byte)value : (byte)Math.Min(below / step, 255);
                below += own[value];
            }
        }

        Map(image, maps[..256], maps.Slice(256, 256), maps[512..]);
    }

    private static void Count(Image image, Span<int> counts)
    {
        counts.Clear();
        foreach (uint word in image.Words)
        {
            counts[(int)(word & 255)]++;
            counts[256 + (int)((word >> 8) & 255)]++;
            counts[512 + (int)((word >> 16) & 255)]++;
        }
    }

    private static void Map(Image image, ReadOnlySpan<byte> red, ReadOnlySpan<byte> green, ReadOnlySpan<byte> blue)
    {
        foreach (ref uint word in image.Words)
        {
            word = red[(int)(word & 255)] | ((uint)green[(int)((word >> 8) & 255)] << 8) | ((uint)blue[(int)((word >> 16) & 255)] << 16);
        }
    }

    /// <summary>Every byte times a factor plus a number, cut to the range and to whole numbers.</summary>
    private static void Blend(Image image, float factor, float shift)
    {
        Span<byte> map = stackalloc byte[256];
        for (int value = 0; value < 256; value++)
        {
            map[value] = (byte)Math.Clamp((value * factor) + shift, 0, 255);
        }

        Map(image, map, map, map);
    }

    private static uint Grey(uint word) => (uint)(((word & 255) * Red) + (((word >> 8) & 255) * Green) + (((word >> 16) & 255) * Blue));

    private static Vector128<float> Widen(uint pixel) =>
        Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(pixel).AsByte())).AsInt32());

    private static uint Narrow(Vector128<float> values)
    {
        Vector128<int> whole = Vector128.ConvertToInt32(Vector128.Min(Vector128.Max(values, Vector128<float>.Zero), Vector128.Create(255f)));
        return Vector128.Narrow(Vector128.Narrow(whole, whole).AsUInt16(), Vector128<ushort>.Zero).AsUInt32().ToScalar();
    }

    private static uint TurnHue(uint word, float turn)
    {
        float red = (word & 255) / 255f;
        float green = ((word >> 8) & 255) / 255f;
        float blue = ((word >> 16) & 255) / 255f;
        float high = Math.Max(red, Math.Max(green, blue));
        float range = high - Math.Min(red, Math.Min(green, blue));
        if (range == 0)
        {
            return word;
        }

        float sixth = high == red ? (green - blue) / range : high == green ? 2 + ((blue - red) / range) : 4 + ((red - green) / range);
        float hue = (sixth / 6) + turn;
        float place = (hue - MathF.Floor(hue)) * 6;
        return Byte(Ramp(5, place, high, range)) | (Byte(Ramp(3, place, high, range)) << 8) | (Byte(Ramp(1, place, high, range)) << 16);
    }

    /// <summary>One channel of a hue.</summary>
    private static float Ramp(float offset, float place, float high, float range)
    {
        float k = (offset + place) % 6;
        return high - (range * Math.Clamp(Math.Min(k, 4 - k), 0, 1));
    }

    private static uint Byte(float value) => (uint)(value * 255.999f);
}
