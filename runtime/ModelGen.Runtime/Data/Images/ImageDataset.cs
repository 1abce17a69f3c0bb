using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ModelGen.Data;

/// <summary>Images with a class each: one float input <c>[channels, rows, columns]</c> and an int64 label. Images are decoded and transformed by the workers of a loader.</summary>
public abstract class ImageDataset : Dataset
{
    // A broken first file must not hide the size of the others.
    private const int TriedForTheSize = 16;

    private readonly ConcurrentBag<Image> pool = [];
    private readonly ImageTransform transform;
    private FieldSpec? input;

    /// <summary>A data set.</summary>
    /// <param name="classes">Names of the classes.</param>
    /// <param name="transform">What is done with each image; null for nothing but <see cref="ToTensor"/>. All images must come out with the same size.</param>
    protected ImageDataset(IReadOnlyList<string> classes, ImageTransform? transform)
    {
        Classes = classes;
        this.transform = transform ?? new ToTensor();
    }

    /// <summary>Names of the classes, by label.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <inheritdoc/>
    /// <remarks>The size is that of the first image that can be read, after the transform.</remarks>
    public override IReadOnlyList<FieldSpec> Inputs => [input ??= FindSize()];

    /// <inheritdoc/>
    public override FieldSpec Target { get; } = new("label", ElementType.Int64, []);

    /// <summary>The class of an image.</summary>
    /// <param name="index">The image.</param>
    /// <returns>Its label, from 0.</returns>
    public abstract long Label(int index);

    /// <inheritdoc/>
    public override unsafe void Read(int index, Sample sample)
    {
        Span<float> destination = sample.Input<float>();
        sample.Target<long>()[0] = Label(index);
        Image image = pool.TryTake(out Image? used) ? used : new Image();
        try
        {
            Load(index, image);
            image.SetOutput((float*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(destination)), destination.Length);
            Transform(image, sample.Random);
            long[] expected = Inputs[0].Shape;
            if (image.Channels != expected[0] || image.Height != expected[1] || image.Width != expected[2])
            {
                throw new InvalidOperationException($"the image became {image.Channels} x {image.Height} x {image.Width}, but others {string.Join(" x ", expected)}; end the transform with a size, such as Resize and CenterCrop");
            }

            // Already there, unless the transform made the tensor in another size first.
            if (!image.Values.Overlaps(destination))
            {
                image.Values.CopyTo(destination);
            }
        }
        finally
        {
            image.SetOutput(null, 0);
            pool.Add(image);
        }
    }

    /// <summary>Sets the pixels of an image.</summary>
    /// <param name="index">The image.</param>
    /// <param name="image">Where they are set.</param>
    protected abstract void Load(int index, Image image);

    private void Transform(Image image, RandomStream random)
    {
        transform.Apply(image, random);
        if (!image.IsTensor)
        {
            throw new InvalidOperationException("the transform leaves bytes; end it with ToTensor");
        }
    }

    private FieldSpec FindSize()
    {
        var image = new Image();
        for (int index = 0; ; index++)
        {
            try
            {
                Load(index, image);
                Transform(image, new RandomStream(0));
                return new FieldSpec("image", ElementType.Float32, [image.Channels, image.Height, image.Width]);
            }
            catch (DataFormatException) when (index + 1 < Math.Min(Count, TriedForTheSize))
            {
                // The loader will name this one when it is its turn.
            }
        }
    }
}
