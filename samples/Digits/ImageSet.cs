using ModelGen.Data;
using static TorchSharp.torch;

namespace Digits;

/// <summary>Square grey images, 0 (paper) to 1 (ink), image after image and row-major, and their labels.</summary>
/// <param name="Images">Pixels.</param>
/// <param name="Labels">The digit (or class) of each image.</param>
/// <param name="Size">Rows and columns of an image.</param>
internal sealed record ImageSet(float[] Images, long[] Labels, int Size)
{
    public int Count => Labels.Length;

    private int PixelCount => Size * Size;

    /// <summary>Consecutive images.</summary>
    /// <param name="first">Index of the first.</param>
    /// <param name="count">How many; all that are left when there are fewer or when it is null.</param>
    public ImageSet Range(int first, int? count)
    {
        int end = Math.Min(Count, first + Math.Min(count ?? Count, Count));
        return new ImageSet(Images[(first * PixelCount)..(end * PixelCount)], Labels[first..end], Size);
    }

    public ReadOnlySpan<float> Image(int index) => Images.AsSpan(index * PixelCount, PixelCount);

    /// <summary>An image as grey values, 0 (paper) to 255 (ink).</summary>
    public byte[] Bytes(int index)
    {
        byte[] bytes = new byte[PixelCount];
        ReadOnlySpan<float> image = Image(index);
        for (int i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)Math.Clamp(MathF.Round(255 * image[i]), 0, 255);
        }

        return bytes;
    }

    /// <summary>For the trainer: samples <c>[1, size, size]</c> and class labels.</summary>
    public TensorDataset ToDataset() => TensorDataset.FromArrays(Images, [1, Size, Size], Labels);

    /// <summary>All images, float32 <c>[N, 1, size, size]</c>; the caller disposes it.</summary>
    public Tensor ToTensor() => tensor(Images, [Count, 1, Size, Size]);
}
