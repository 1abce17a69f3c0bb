namespace ModelGen.Data;

/// <summary>Some random operations of one strength (Cubuk et al. 2019, arXiv:1909.13719), with torchvision's fourteen operations and ranges.</summary>
public sealed class RandAugment : ImageTransform
{
    private const int OperationCount = 14;

    private readonly int operations;
    private readonly double strength;
    private readonly Interpolation interpolation;
    private readonly uint fill;

    /// <summary>The transform.</summary>
    /// <param name="operations">Operations one after the other; default 2.</param>
    /// <param name="magnitude">Their strength, below <paramref name="magnitudeBins"/>; default 9.</param>
    /// <param name="magnitudeBins">Number of strengths; default 31.</param>
    /// <param name="interpolation">Nearest (default) or bilinear, for the operations that move pixels.</param>
    /// <param name="fill">What lies outside, a byte for every channel; default 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number out of range, or a bicubic interpolation.</exception>
    public RandAugment(int operations = 2, int magnitude = 9, int magnitudeBins = 31, Interpolation interpolation = Interpolation.Nearest, byte fill = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(operations);
        ArgumentOutOfRangeException.ThrowIfLessThan(magnitudeBins, 2);
        ArgumentOutOfRangeException.ThrowIfNegative(magnitude);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(magnitude, magnitudeBins);
        RandomAffine.Check(interpolation);
        (this.operations, strength, this.interpolation, this.fill) = (operations, magnitude / (magnitudeBins - 1.0), interpolation, fill * 0x010101u);
    }

    /// <inheritdoc/>
    public override void Apply(Image image, RandomStream random)
    {
        for (int i = 0; i < operations; i++)
        {
            int operation = random.Next(OperationCount);
            double sign = random.Chance(0.5) ? -1 : 1;
            Apply(image, operation, sign);
        }
    }

    /// <summary>One operation by its number in torchvision's list; those without a direction ignore the sign.</summary>
    internal void Apply(Image image, int operation, double sign)
    {
        double signed = sign * strength;

        // torchvision keeps its strengths as float32.
        double factor = 1 + (float)(0.9 * signed);
        switch (operation)
        {
            case 1:
                Warp(image, (0, 0), (Math.Atan(0.3 * signed) * 180 / Math.PI, 0));
                break;
            case 2:
                Warp(image, (0, 0), (0, Math.Atan(0.3 * signed) * 180 / Math.PI));
                break;
            case 3:
                Warp(image, (Math.Truncate(150.0 / 331 * image.Width * signed), 0), (0, 0));
                break;
            case 4:
                Warp(image, (0, Math.Truncate(150.0 / 331 * image.Height * signed)), (0, 0));
                break;
            case 5:
                Rotate(image, 30 * signed);
                break;
            case 6:
                Colors.Brightness(image, factor);
                break;
            case 7:
                Colors.Saturation(image, factor);
                break;
            case 8:
                Colors.Contrast(image, factor);
                break;
            case 9:
                Colors.Sharpness(image, factor);
                break;
            case 10:
                Colors.Posterize(image, 8 - (int)Math.Round(4 * strength));
                break;
            case 11:
                Colors.Solarize(image, 255 * (1 - strength));
                break;
            case 12:
                Colors.AutoContrast(image);
                break;
            case 13:
                Colors.Equalize(image);
                break;
        }
    }

    private void Warp(Image image, (double X, double Y) move, (double X, double Y) shear)
    {
        // Shears keep the upper left corner in place, as in torchvision.
        Span<double> matrix = stackalloc double[6];
        Geometry.InverseAffine(matrix, (-image.Width / 2.0, -image.Height / 2.0), 0, move, 1, shear);
        Geometry.Warp(image, matrix, image.Width, image.Height, interpolation, fill);
    }

    private void Rotate(Image image, double degrees)
    {
        Span<double> matrix = stackalloc double[6];
        Geometry.InverseAffine(matrix, (0, 0), -degrees, (0, 0), 1, (0, 0));
        Geometry.Warp(image, matrix, image.Width, image.Height, interpolation, fill);
    }
}
