using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace ModelGen.Data;

/// <summary>Turns bytes into float values in [0, 1], channel after channel.</summary>
public sealed class ToTensor : ImageTransform
{
    /// <summary>The transform.</summary>
    public ToTensor()
    {
    }

    /// <summary>The transform with a normalisation behind it.</summary>
    internal ToTensor(Normalize normalize) => Normalize = normalize;

    internal Normalize? Normalize { get; }

    /// <inheritdoc/>
    public override void Apply(Image image, RandomStream random)
    {
        if (image.IsTensor)
        {
            throw new InvalidOperationException("ToTensor was applied to an image that is float values already.");
        }

        Normalize?.Check(image.Channels);
        Span<float> values = image.BecomeTensor();
        ReadOnlySpan<uint> words = image.SourceWords;
        for (int channel = 0; channel < image.Channels; channel++)
        {
            (float scale, float shift) = Normalize?.Affine(channel) ?? (1f, 0f);
            Plane(words, 8 * channel, scale / 255f, shift, values.Slice(channel * words.Length, words.Length));
        }
    }

    private static void Plane(ReadOnlySpan<uint> words, int bits, float scale, float shift, Span<float> values)
    {
        ref uint from = ref MemoryMarshal.GetReference(words);
        ref float to = ref MemoryMarshal.GetReference(values);
        Vector512<float> scales = Vector512.Create(scale);
        Vector512<float> shifts = Vector512.Create(shift);
        int i = 0;
        for (; i <= words.Length - Vector512<uint>.Count; i += Vector512<uint>.Count)
        {
            Vector512<uint> pixel = Vector512.LoadUnsafe(ref from, (nuint)i) >>> bits;
            Vector512<float> value = Vector512.ConvertToSingle((pixel & Vector512.Create(0xFFu)).AsInt32());
            Vector512.FusedMultiplyAdd(value, scales, shifts).StoreUnsafe(ref to, (nuint)i);
        }

        for (; i < words.Length; i++)
        {
            Unsafe.Add(ref to, i) = MathF.FusedMultiplyAdd((Unsafe.Add(ref from, i) >>> bits) & 0xFF, scale, shift);
        }
    }
}

/// <summary>Subtracts a mean from every channel and divides it by a standard deviation.</summary>
public sealed class Normalize : ImageTransform
{
    private readonly float[] mean;
    private readonly float[] std;

    /// <summary>The transform.</summary>
    /// <param name="mean">One mean per channel, such as 0.485, 0.456, 0.406 of ImageNet.</param>
    /// <param name="std">One standard deviation per channel, such as 0.229, 0.224, 0.225; above 0.</param>
    /// <exception cref="ArgumentException">The numbers of channels differ, or a deviation is not above 0.</exception>
    public Normalize(IReadOnlyList<float> mean, IReadOnlyList<float> std)
    {
        if (mean.Count != std.Count || mean.Count is not (1 or 3) || std.Any(static value => !(value > 0)))
        {
            throw new ArgumentException("Normalize needs one mean and one standard deviation above 0 for each of 1 or 3 channels.", nameof(std));
        }

        (this.mean, this.std) = ([.. mean], [.. std]);
    }

    /// <inheritdoc/>
    public override void Apply(Image image, RandomStream random)
    {
        Check(image.Channels);
        int size = image.Width * image.Height;
        for (int channel = 0; channel < image.Channels; channel++)
        {
            (float scale, float shift) = Affine(channel);
            Span<float> plane = image.Values.Slice(channel * size, size);
            TensorPrimitives.Multiply(plane, scale, plane);
            TensorPrimitives.Add(plane, shift, plane);
        }
    }

    internal void Check(int channels)
    {
        if (channels != mean.Length)
        {
            throw new InvalidOperationException($"Normalize has {mean.Length} channels, the image {channels}.");
        }
    }

    internal (float Scale, float Shift) Affine(int channel) => (1 / std[channel], -mean[channel] / std[channel]);
}
