using System.Runtime.InteropServices;

namespace ModelGen.Data;

/// <summary>Moves pixels: crops, borders, flips and warps.</summary>
internal static class Geometry
{
    public static void Crop(Image image, int left, int top, int width, int height)
    {
        if (left == 0 && top == 0 && width == image.Width && height == image.Height)
        {
            return;
        }

        Span<uint> to = MemoryMarshal.Cast<byte, uint>(image.Scratch(width, height));
        ReadOnlySpan<uint> from = image.Words;
        for (int row = 0; row < height; row++)
        {
            from.Slice(((top + row) * image.Width) + left, width).CopyTo(to.Slice(row * width, width));
        }

        image.Replace(width, height);
    }

    public static void Pad(Image image, int left, int top, int right, int bottom, PaddingMode mode, uint fill)
    {
        int width = image.Width + left + right;
        int height = image.Height + top + bottom;
        Span<uint> to = MemoryMarshal.Cast<byte, uint>(image.Scratch(width, height));
        ReadOnlySpan<uint> from = image.Words;
        for (int row = 0; row < height; row++)
        {
            int sourceRow = Place(row - top, image.Height, mode);
            Span<uint> line = to.Slice(row * width, width);
            if (sourceRow < 0)
            {
                line.Fill(fill);
                continue;
            }

            ReadOnlySpan<uint> source = from.Slice(sourceRow * image.Width, image.Width);
            source.CopyTo(line.Slice(left, image.Width));
            for (int column = 0; column < left; column++)
            {
                line[column] = Pixel(source, column - left, mode, fill);
            }

            for (int column = left + image.Width; column < width; column++)
            {
                line[column] = Pixel(source, column - left, mode, fill);
            }
        }

        image.Replace(width, height);
    }

    public static void FlipHorizontally(Image image)
    {
        Span<uint> words = image.Words;
        for (int row = 0; row < image.Height; row++)
        {
            words.Slice(row * image.Width, image.Width).Reverse();
        }
    }

    public static void FlipVertically(Image image)
    {
        Span<uint> from = image.Words;
        Span<uint> to = MemoryMarshal.Cast<byte, uint>(image.Scratch(image.Width, image.Height));
        for (int row = 0; row < image.Height; row++)
        {
            from.Slice(row * image.Width, image.Width).CopyTo(to.Slice((image.Height - 1 - row) * image.Width, image.Width));
        }

        image.Replace(image.Width, image.Height);
    }

    /// <summary>
    /// Warps an image: each pixel of the result is looked up where the matrix says. Pixel centres lie at halves, as in torchvision's <c>affine</c> for tensors.
    /// </summary>
    /// <param name="image">The image.</param>
    /// <param name="matrix">Six numbers: result to source, both measured from the centre of the image.</param>
    /// <param name="width">Columns of the result.</param>
    /// <param name="height">Rows of the result.</param>
    /// <param name="interpolation">Nearest or bilinear.</param>
    /// <param name="fill">What lies outside.</param>
    public static void Warp(Image image, ReadOnlySpan<double> matrix, int width, int height, Interpolation interpolation, uint fill)
    {
        Span<uint> to = MemoryMarshal.Cast<byte, uint>(image.Scratch(width, height));
        ReadOnlySpan<uint> from = image.Words;
        for (int row = 0; row < height; row++)
        {
            double y = row - ((height - 1) / 2.0);
            double startX = (matrix[1] * y) + matrix[2] + ((image.Width - 1) / 2.0);
            double startY = (matrix[4] * y) + matrix[5] + ((image.Height - 1) / 2.0);
            Span<uint> line = to.Slice(row * width, width);
            for (int column = 0; column < width; column++)
            {
                double x = column - ((width - 1) / 2.0);
                double sourceX = startX + (matrix[0] * x);
                double sourceY = startY + (matrix[3] * x);
                line[column] = interpolation == Interpolation.Nearest
                    ? At(from, image.Width, image.Height, (int)Math.Round(sourceX), (int)Math.Round(sourceY), fill)
                    : Between(from, image.Width, image.Height, sourceX, sourceY, fill);
            }
        }

        image.Replace(width, height);
    }

    /// <summary>Result-to-source matrix of a rotation (counter-clockwise), a move, a scale and shears about a centre, as torchvision's <c>_get_inverse_affine_matrix</c>.</summary>
    /// <param name="matrix">Six numbers that are written.</param>
    /// <param name="center">Centre, measured from the centre of the image.</param>
    /// <param name="degrees">Angle; negative is counter-clockwise here, as in torchvision's affine.</param>
    /// <param name="move">Pixels to the right and down.</param>
    /// <param name="scale">Factor.</param>
    /// <param name="shear">Shears along both axes, in degrees.</param>
    public static void InverseAffine(Span<double> matrix, (double X, double Y) center, double degrees, (double X, double Y) move, double scale, (double X, double Y) shear)
    {
        double rotation = degrees * Math.PI / 180;
        double shearX = shear.X * Math.PI / 180;
        double shearY = shear.Y * Math.PI / 180;
        double a = Math.Cos(rotation - shearY) / Math.Cos(shearY);
        double b = (-Math.Cos(rotation - shearY) * Math.Tan(shearX) / Math.Cos(shearY)) - Math.Sin(rotation);
        double c = Math.Sin(rotation - shearY) / Math.Cos(shearY);
        double d = (-Math.Sin(rotation - shearY) * Math.Tan(shearX) / Math.Cos(shearY)) + Math.Cos(rotation);
        (matrix[0], matrix[1], matrix[3], matrix[4]) = (d / scale, -b / scale, -c / scale, a / scale);
        matrix[2] = center.X + (matrix[0] * (-center.X - move.X)) + (matrix[1] * (-center.Y - move.Y));
        matrix[5] = center.Y + (matrix[3] * (-center.X - move.X)) + (matrix[4] * (-center.Y - move.Y));
    }

    private static uint At(ReadOnlySpan<uint> from, int width, int height, int x, int y, uint fill) =>
        (uint)x < (uint)width && (uint)y < (uint)height ? from[(y * width) + x] : fill;

    private static uint Between(ReadOnlySpan<uint> from, int width, int height, double x, double y, uint fill)
    {
        double left = Math.Floor(x);
        double top = Math.Floor(y);
        if (left < -1 || top < -1 || left >= width || top >= height)
        {
            return fill;
        }

        float right = (float)(x - left);
        float below = (float)(y - top);
        uint a = At(from, width, height, (int)left, (int)top, fill);
        uint b = At(from, width, height, (int)left + 1, (int)top, fill);
        uint c = At(from, width, height, (int)left, (int)top + 1, fill);
        uint d = At(from, width, height, (int)left + 1, (int)top + 1, fill);
        uint result = 0;
        for (int shift = 0; shift < 24; shift += 8)
        {
            float upper = (((a >> shift) & 255) * (1 - right)) + (((b >> shift) & 255) * right);
            float lower = (((c >> shift) & 255) * (1 - right)) + (((d >> shift) & 255) * right);
            result |= (uint)((upper * (1 - below)) + (lower * below) + 0.5f) << shift;
        }

        return result;
    }

    private static uint Pixel(ReadOnlySpan<uint> row, int column, PaddingMode mode, uint fill) =>
        Place(column, row.Length, mode) is >= 0 and int place ? row[place] : fill;

    /// <summary>Which row or column a place outside takes; negative for the fill.</summary>
    private static int Place(int place, int size, PaddingMode mode)
    {
        if ((uint)place < (uint)size)
        {
            return place;
        }

        return mode switch
        {
            PaddingMode.Constant => -1,
            PaddingMode.Edge => Math.Clamp(place, 0, size - 1),
            PaddingMode.Reflect => size == 1 ? 0 : Mirror(place, (2 * size) - 2, size, 0),
            _ => Mirror(place, 2 * size, size, 1),
        };
    }

    private static int Mirror(int place, int period, int size, int repeat)
    {
        int within = ((place % period) + period) % period;
        return within < size ? within : period - within - repeat;
    }
}

/// <summary>What lies outside of an image.</summary>
public enum PaddingMode
{
    /// <summary>One colour.</summary>
    Constant,

    /// <summary>The pixel at the border.</summary>
    Edge,

    /// <summary>The image mirrored at its border pixel.</summary>
    Reflect,

    /// <summary>The image mirrored at its border, whose pixel is repeated.</summary>
    Symmetric,
}
