using System.Runtime.InteropServices;

namespace ModelGen.Data;

/// <summary>
/// One image while it is transformed. Its memory is used again for the next image. It begins as bytes and becomes float values with <see cref="ToTensor"/>.
/// </summary>
public sealed unsafe class Image
{
    // Larger ones are more likely a damaged or hostile header than a training image (the limit at which Pillow warns of a decompression bomb is 89 million).
    private const long LargestPixels = 1L << 27;

    private byte[] pixels = [];
    private byte[] scratch = [];
    private float[] values = [];
    private float* output;
    private int outputLength;

    /// <summary>Columns.</summary>
    public int Width { get; private set; }

    /// <summary>Rows.</summary>
    public int Height { get; private set; }

    /// <summary>Channels of the tensor: 3, or 1 for a grey image.</summary>
    public int Channels { get; private set; }

    /// <summary>Whether the image is float values, channel after channel; otherwise bytes, pixel after pixel.</summary>
    public bool IsTensor { get; private set; }

    /// <summary>The image as bytes: red, green, blue and an unused one for each pixel, row after row. A grey image has three equal ones.</summary>
    /// <exception cref="InvalidOperationException">The image has become float values.</exception>
    public Span<byte> Pixels => IsTensor
        ? throw new InvalidOperationException("The image is float values already: put transforms of pixels before ToTensor.")
        : pixels.AsSpan(0, 4 * Width * Height);

    /// <summary>The image as float values: channel, row, column.</summary>
    /// <exception cref="InvalidOperationException">The image is still bytes.</exception>
    public Span<float> Values => !IsTensor
        ? throw new InvalidOperationException("The image is bytes still: put ToTensor before this transform.")
        : output != null ? new Span<float>(output, outputLength) : values.AsSpan(0, Channels * Width * Height);

    internal Span<uint> Words => MemoryMarshal.Cast<byte, uint>(Pixels);

    /// <summary>Begins a new image of undefined pixels.</summary>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="channels">3, or 1 for grey.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size out of range, or more than 128 million pixels.</exception>
    public void Begin(int width, int height, int channels = 3)
    {
        Check(width, height, channels);
        output = null;
        (Width, Height, Channels, IsTensor) = (width, height, channels, false);
        pixels = Reserve(pixels, 4 * width * height);
    }

    /// <summary>Sets the image from rows of grey bytes.</summary>
    /// <param name="grey">Grey values, row after row.</param>
    /// <param name="width">Columns.</param>
    /// <param name="height">Rows.</param>
    /// <exception cref="ArgumentException">The number of bytes does not fit.</exception>
    public void SetGrey(ReadOnlySpan<byte> grey, int width, int height)
    {
        Begin(width, height, 1);
        CheckLength(grey.Length, width * height);
        Span<uint> words = Words;
        for (int i = 0; i < words.Length; i++)
        {
            words[i] = grey[i] * 0x010101u;
        }
    }

    /// <summary>Sets the image from three planes of bytes: red, green, blue.</summary>
    /// <param name="planes">The planes, row after row.</param>
    /// <param name="width">Columns.</param>
    /// <param name="height">Rows.</param>
    /// <exception cref="ArgumentException">The number of bytes does not fit.</exception>
    public void SetPlanes(ReadOnlySpan<byte> planes, int width, int height)
    {
        Begin(width, height);
        CheckLength(planes.Length, 3 * width * height);
        Span<uint> words = Words;
        ReadOnlySpan<byte> red = planes[..words.Length];
        ReadOnlySpan<byte> green = planes.Slice(words.Length, words.Length);
        ReadOnlySpan<byte> blue = planes.Slice(2 * words.Length, words.Length);
        for (int i = 0; i < words.Length; i++)
        {
            words[i] = red[i] | ((uint)green[i] << 8) | ((uint)blue[i] << 16);
        }
    }

    /// <summary>Where the float values are to be written, if the image has exactly this many when it becomes a tensor.</summary>
    internal void SetOutput(float* address, int length)
    {
        output = address;
        outputLength = length;
    }

    /// <summary>Memory for a version of the image with another size; <see cref="Replace"/> makes it the image.</summary>
    internal Span<byte> Scratch(int width, int height)
    {
        Check(width, height, Channels);
        scratch = Reserve(scratch, 4 * width * height);
        return scratch.AsSpan(0, 4 * width * height);
    }

    internal void Replace(int width, int height)
    {
        (pixels, scratch) = (scratch, pixels);
        (Width, Height) = (width, height);
    }

    internal void MakeGrey() => Channels = 1;

    /// <summary>Turns the image into float values and returns their memory.</summary>
    internal Span<float> BecomeTensor()
    {
        IsTensor = true;
        int length = Channels * Width * Height;
        if (output != null && outputLength != length)
        {
            output = null;
        }

        if (output == null && values.Length < length)
        {
            values = GC.AllocateUninitializedArray<float>(length);
        }

        return Values;
    }

    /// <summary>Bytes of the image after it became a tensor: they are what the values are made from.</summary>
    internal ReadOnlySpan<uint> SourceWords => MemoryMarshal.Cast<byte, uint>(pixels.AsSpan(0, 4 * Width * Height));

    private static void Check(int width, int height, int channels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)width * height, LargestPixels, nameof(width));
        if (channels is not (1 or 3))
        {
            throw new ArgumentOutOfRangeException(nameof(channels), channels, "An image has 1 or 3 channels.");
        }
    }

    private static void CheckLength(int length, int expected)
    {
        if (length != expected)
        {
            throw new ArgumentException($"{length} bytes were given for an image of {expected}.");
        }
    }

    // Pinned, because the decoder writes into it.
    private static byte[] Reserve(byte[] memory, int length) => memory.Length >= length ? memory : GC.AllocateUninitializedArray<byte>(length, pinned: true);
}
