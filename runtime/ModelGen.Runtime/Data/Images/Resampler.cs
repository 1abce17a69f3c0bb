using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ModelGen.Data;

/// <summary>How values between pixels are found.</summary>
public enum Interpolation
{
    /// <summary>The nearest pixel.</summary>
    Nearest,

    /// <summary>A triangle over the neighbours.</summary>
    Bilinear,

    /// <summary>Cubic convolution (Keys 1981, doi:10.1109/TASSP.1981.1163711) with a = -0.5 for antialiased resizing, as Pillow and torchvision.</summary>
    Bicubic,
}

/// <summary>
/// Resizes a part of an image in two passes, columns and then rows, each rounded to bytes, as Pillow does: the filter grows with the reduction, so that nothing aliases.
/// </summary>
internal static class Resampler
{
    [ThreadStatic]
    private static Buffers? buffers;

    public static void Resize(Image image, int left, int top, int width, int height, int newWidth, int newHeight, Interpolation interpolation, bool antialias)
    {
        if (left < 0 || top < 0 || left + width > image.Width || top + height > image.Height)
        {
            throw new ArgumentOutOfRangeException(nameof(width), "The part lies outside of the image.");
        }

        ReadOnlySpan<uint> source = image.Words;
        int stride = image.Width;
        Span<byte> destination = image.Scratch(newWidth, newHeight);
        if (interpolation == Interpolation.Nearest || (width == newWidth && height == newHeight))
        {
            Nearest(source, stride, left, top, width, height, MemoryMarshal.Cast<byte, uint>(destination), newWidth, newHeight);
        }
        else
        {
            Buffers memory = buffers ??= new Buffers();
            memory.Columns.Set(width, newWidth, interpolation, antialias);
            memory.Rows.Set(height, newHeight, interpolation, antialias);
            (int first, int count) = memory.Rows.Reach();
            Span<byte> between = memory.Between(4 * newWidth * count);
            for (int row = 0; row < count; row++)
            {
                Columns(source.Slice(((top + first + row) * stride) + left, width), between.Slice(4 * newWidth * row, 4 * newWidth), memory.Columns);
            }

            for (int row = 0; row < newHeight; row++)
            {
                Rows(between, 4 * newWidth, memory.Rows.Starts[row] - first, memory.Rows.WeightsOf(row), destination.Slice(4 * newWidth * row, 4 * newWidth));
            }
        }

        image.Replace(newWidth, newHeight);
    }

    private static void Nearest(ReadOnlySpan<uint> source, int stride, int left, int top, int width, int height, Span<uint> destination, int newWidth, int newHeight)
    {
        for (int row = 0; row < newHeight; row++)
        {
            // As Pillow: the pixel under the centre.
            ReadOnlySpan<uint> from = source.Slice(((top + (int)((row + 0.5) * height / newHeight)) * stride) + left, width);
            Span<uint> to = destination.Slice(row * newWidth, newWidth);
            if (width == newWidth)
            {
                from.CopyTo(to);
                continue;
            }

            for (int column = 0; column < newWidth; column++)
            {
                to[column] = from[(int)((column + 0.5) * width / newWidth)];
            }
        }
    }

    /// <summary>One row: every pixel is a vector of its four channels.</summary>
    private static void Columns(ReadOnlySpan<uint> source, Span<byte> destination, Taps taps)
    {
        ref uint from = ref MemoryMarshal.GetReference(source);
        Span<uint> to = MemoryMarshal.Cast<byte, uint>(destination);
        for (int column = 0; column < to.Length; column++)
        {
            ReadOnlySpan<float> weights = taps.WeightsOf(column);
            int start = taps.Starts[column];
            if ((uint)start > (uint)(source.Length - weights.Length))
            {
                throw new InvalidOperationException("A filter reaches over the end of its row.");
            }

            Vector128<float> sum = Vector128.Create(0.5f);
            for (int tap = 0; tap < weights.Length; tap++)
            {
                sum = Vector128.FusedMultiplyAdd(Widen(Unsafe.Add(ref from, start + tap)), Vector128.Create(weights[tap]), sum);
            }

            to[column] = Narrow(sum);
        }
    }

    private static Vector128<float> Widen(uint pixel) =>
        Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(pixel).AsByte())).AsInt32());

    private static uint Narrow(Vector128<float> values)
    {
        Vector128<int> whole = Vector128.ConvertToInt32(Vector128.Min(Vector128.Max(values, Vector128<float>.Zero), Vector128.Create(255f)));
        return Vector128.Narrow(Vector128.Narrow(whole, whole).AsUInt16(), Vector128<ushort>.Zero).AsUInt32().ToScalar();
    }

    /// <summary>One row of the result from several rows.</summary>
    private static void Rows(ReadOnlySpan<byte> source, int stride, int start, ReadOnlySpan<float> weights, Span<byte> destination)
    {
        ReadOnlySpan<byte> rows = source.Slice(start * stride, weights.Length * stride);
        ref byte from = ref MemoryMarshal.GetReference(rows);
        ref byte to = ref MemoryMarshal.GetReference(destination);
        int i = 0;
        for (; i <= stride - 16; i += 16)
        {
            Vector512<float> sum = Vector512.Create(0.5f);
            for (int tap = 0; tap < weights.Length; tap++)
            {
                Vector128<byte> bytes = Vector128.LoadUnsafe(ref from, (nuint)((tap * stride) + i));
                Vector512<uint> wide = Vector512.WidenLower(Vector256.WidenLower(bytes.ToVector256Unsafe()).ToVector512Unsafe());
                sum = Vector512.FusedMultiplyAdd(Vector512.ConvertToSingle(wide.AsInt32()), Vector512.Create(weights[tap]), sum);
            }

            Vector512<uint> whole = Vector512.ConvertToInt32(Vector512.Min(Vector512.Max(sum, Vector512<float>.Zero), Vector512.Create(255f))).AsUInt32();
            Vector256<ushort> half = Vector256.Narrow(whole.GetLower(), whole.GetUpper());
            Vector128.Narrow(half.GetLower(), half.GetUpper()).StoreUnsafe(ref to, (nuint)i);
        }

        for (; i < stride; i++)
        {
            float sum = 0.5f;
            for (int tap = 0; tap < weights.Length; tap++)
            {
                sum = MathF.FusedMultiplyAdd(Unsafe.Add(ref from, (tap * stride) + i), weights[tap], sum);
            }

            Unsafe.Add(ref to, i) = (byte)Math.Clamp(sum, 0f, 255f);
        }
    }

    /// <summary>Memory of a thread.</summary>
    private sealed class Buffers
    {
        private byte[] between = [];

        public Taps Columns { get; } = new();

        public Taps Rows { get; } = new();

        public Span<byte> Between(int length)
        {
            if (between.Length < length)
            {
                between = GC.AllocateUninitializedArray<byte>(length);
            }

            return between.AsSpan(0, length);
        }
    }

    /// <summary>For every place of the result, where its filter starts and its weights.</summary>
    private sealed class Taps
    {
        private float[] weights = [];
        private int[] counts = [];
        private int width;
        private int length;

        public int[] Starts { get; private set; } = [];

        public ReadOnlySpan<float> WeightsOf(int place) => weights.AsSpan(place * width, counts[place]);

        /// <summary>First place that any filter touches, and how many from there.</summary>
        public (int First, int Count) Reach()
        {
            int first = Starts.AsSpan(0, length)[0];
            int end = Starts[length - 1] + counts[length - 1];
            return (first, end - first);
        }

        public void Set(int size, int newSize, Interpolation interpolation, bool antialias)
        {
            double scale = (double)size / newSize;
            double spread = antialias ? Math.Max(scale, 1) : 1;
            double support = (interpolation == Interpolation.Bicubic ? 2 : 1) * spread;
            double cubic = antialias ? -0.5 : -0.75;
            length = newSize;
            width = ((int)Math.Ceiling(support) * 2) + 1;
            if (weights.Length < width * newSize || Starts.Length < newSize)
            {
                weights = new float[width * newSize];
                Starts = new int[newSize];
                counts = new int[newSize];
            }

            for (int place = 0; place < newSize; place++)
            {
                double center = (place + 0.5) * scale;
                if (antialias)
                {
                    int start = Math.Max((int)(center - support + 0.5), 0);
                    int count = Math.Min((int)(center + support + 0.5), size) - start;
                    Fill(place, start, count, center, spread, interpolation, cubic);
                }
                else
                {
                    FillWithBorder(place, size, center, interpolation, cubic);
                }
            }
        }

        private void Fill(int place, int start, int count, double center, double spread, Interpolation interpolation, double cubic)
        {
            Span<float> own = weights.AsSpan(place * width, count);
            double sum = 0;
            for (int tap = 0; tap < count; tap++)
            {
                sum += Weight((start + tap - center + 0.5) / spread, interpolation, cubic);
            }

            for (int tap = 0; tap < count; tap++)
            {
                own[tap] = (float)(Weight((start + tap - center + 0.5) / spread, interpolation, cubic) / sum);
            }

            (Starts[place], counts[place]) = (start, count);
        }

        /// <summary>Without antialiasing, pixels outside are those of the border, whose weights add up.</summary>
        private void FillWithBorder(int place, int size, double center, Interpolation interpolation, double cubic)
        {
            int reach = interpolation == Interpolation.Bicubic ? 2 : 1;
            int before = (int)Math.Floor(center - 0.5) - reach + 1;
            int start = Math.Clamp(before, 0, size - 1);
            int end = Math.Clamp(before + (2 * reach) - 1, 0, size - 1);
            Span<float> own = weights.AsSpan(place * width, end - start + 1);
            own.Clear();
            for (int tap = 0; tap < 2 * reach; tap++)
            {
                own[Math.Clamp(before + tap, 0, size - 1) - start] += (float)Weight(before + tap - center + 0.5, interpolation, cubic);
            }

            (Starts[place], counts[place]) = (start, own.Length);
        }

        private static double Weight(double x, Interpolation interpolation, double a)
        {
            x = Math.Abs(x);
            if (interpolation == Interpolation.Bilinear)
            {
                return Math.Max(1 - x, 0);
            }

            return x < 1 ? ((((a + 2) * x) - (a + 3)) * x * x) + 1
                : x < 2 ? ((((x - 5) * x) + 8) * x - 4) * a
                : 0;
        }
    }
}
