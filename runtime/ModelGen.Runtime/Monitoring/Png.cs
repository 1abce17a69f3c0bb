using System.Runtime.InteropServices;
using SkiaSharp;

namespace ModelGen.Monitoring;

/// <summary>Pixels as PNG files.</summary>
internal static class Png
{
    /// <summary>Encodes pixels.</summary>
    /// <param name="pixels">Bytes by rows, channels innermost.</param>
    /// <param name="width">Columns.</param>
    /// <param name="height">Rows.</param>
    /// <param name="channels">1, 3 or 4.</param>
    /// <exception cref="ArgumentException">The sizes do not fit.</exception>
    public static byte[] Encode(ReadOnlySpan<byte> pixels, int width, int height, int channels)
    {
        using SKBitmap bitmap = Bitmap(pixels, width, height, channels);
        using SKData data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    /// <summary>A bitmap with these pixels.</summary>
    public static SKBitmap Bitmap(ReadOnlySpan<byte> pixels, int width, int height, int channels)
    {
        if (channels is not (1 or 3 or 4) || width < 1 || height < 1 || pixels.Length != (long)width * height * channels)
        {
            throw new ArgumentException($"An image of {width} x {height} with {channels} channels (1, 3 or 4) takes {(long)width * height * channels} bytes; got {pixels.Length}.");
        }

        var bitmap = new SKBitmap(new SKImageInfo(width, height, channels == 1 ? SKColorType.Gray8 : SKColorType.Rgba8888, channels == 4 ? SKAlphaType.Unpremul : SKAlphaType.Opaque));
        byte[] row = channels == 3 ? new byte[width * 4] : new byte[width * channels];
        for (int y = 0; y < height; y++)
        {
            ReadOnlySpan<byte> source = pixels.Slice(y * width * channels, width * channels);
            if (channels == 3)
            {
                for (int x = 0; x < width; x++)
                {
                    source.Slice(x * 3, 3).CopyTo(row.AsSpan(x * 4));
                    row[(x * 4) + 3] = byte.MaxValue;
                }
            }
            else
            {
                source.CopyTo(row);
            }

            Marshal.Copy(row, 0, bitmap.GetPixels() + (y * bitmap.RowBytes), row.Length);
        }

        return bitmap;
    }
}
