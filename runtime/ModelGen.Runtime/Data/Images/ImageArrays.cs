namespace ModelGen.Data;

/// <summary>Images of bytes in memory, of one size, with a class each.</summary>
public sealed class ImageArrays : ImageDataset
{
    private readonly byte[] pixels;
    private readonly long[] labels;
    private readonly int channels;
    private readonly int height;
    private readonly int width;

    /// <summary>A data set of bytes; they are not copied.</summary>
    /// <param name="pixels">Image after image, channel after channel, row after row.</param>
    /// <param name="labels">Class of each image.</param>
    /// <param name="channels">3 for red, green and blue, or 1 for grey.</param>
    /// <param name="height">Rows of an image.</param>
    /// <param name="width">Columns of an image.</param>
    /// <param name="classes">Names of the classes.</param>
    /// <param name="transform">What is done with each image; null for nothing but <see cref="ToTensor"/>.</param>
    /// <exception cref="ArgumentException">The numbers of pixels and labels do not fit, or a label has no class.</exception>
    public ImageArrays(byte[] pixels, long[] labels, int channels, int height, int width, IReadOnlyList<string> classes, ImageTransform? transform = null)
        : base(classes, transform)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        if (channels is not (1 or 3))
        {
            throw new ArgumentOutOfRangeException(nameof(channels), channels, "An image has 1 or 3 channels.");
        }

        if (pixels.LongLength != (long)labels.Length * channels * height * width)
        {
            throw new ArgumentException($"{pixels.Length} bytes are not {labels.Length} images of {channels} x {height} x {width}.", nameof(pixels));
        }

        int wrong = Array.FindIndex(labels, label => label < 0 || label >= classes.Count);
        if (wrong >= 0)
        {
            throw new ArgumentException($"Label {labels[wrong]} of image {wrong} is out of range; there are {classes.Count} classes.", nameof(labels));
        }

        (this.pixels, this.labels, this.channels, this.height, this.width) = (pixels, labels, channels, height, width);
    }

    /// <inheritdoc/>
    public override int Count => labels.Length;

    /// <inheritdoc/>
    public override long Label(int index) => labels[index];

    /// <summary>The same images with another transform, such as one without randomness for validation.</summary>
    /// <param name="transform">The other transform.</param>
    /// <returns>The data set.</returns>
    public ImageArrays With(ImageTransform? transform) => new(pixels, labels, channels, height, width, Classes, transform);

    /// <inheritdoc/>
    protected override void Load(int index, Image image)
    {
        int size = channels * height * width;
        ReadOnlySpan<byte> own = pixels.AsSpan(checked(index * size), size);
        if (channels == 1)
        {
            image.SetGrey(own, width, height);
        }
        else
        {
            image.SetPlanes(own, width, height);
        }
    }
}
