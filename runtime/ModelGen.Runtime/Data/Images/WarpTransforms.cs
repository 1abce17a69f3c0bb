namespace ModelGen.Data;

/// <summary>Mirrors left and right with a probability.</summary>
/// <param name="p">The probability; default 0.5.</param>
public sealed class RandomHorizontalFlip(double p = 0.5) : ImageTransform
{
    /// <inheritdoc/>
    public override void Apply(Image image, RandomStream random)
    {
        if (random.Chance(p))
        {
            Geometry.FlipHorizontally(image);
        }
    }
}

/// <summary>Mirrors top and bottom with a probability.</summary>
/// <param name="p">The probability; default 0.5.</param>
public sealed class RandomVerticalFlip(double p = 0.5) : ImageTransform
{
    /// <inheritdoc/>
    public override void Apply(Image image, RandomStream random)
    {
        if (random.Chance(p))
        {
            Geometry.FlipVertically(image);
        }
    }
}

/// <summary>Rotates by a random angle about the middle.</summary>
public sealed class RandomRotation : ImageTransform
{
    private readonly (double Low, double High) degrees;
    private readonly Interpolation interpolation;
    private readonly bool expand;
    private readonly uint fill;

    /// <summary>Angles up to a limit in both directions.</summary>
    /// <param name="degrees">The limit.</param>
    /// <param name="interpolation">Nearest (default) or bilinear.</param>
    /// <param name="expand">Whether the image grows to hold all of the rotated one; default false.</param>
    /// <param name="fill">What lies outside, a byte for every channel; default 0.</param>
    public RandomRotation(double degrees, Interpolation interpolation = Interpolation.Nearest, bool expand = false, byte fill = 0)
        : this((-Math.Abs(degrees), Math.Abs(degrees)), interpolation, expand, fill)
    {
    }

    /// <summary>Angles of a range, counter-clockwise.</summary>
    /// <param name="degrees">The range.</param>
    /// <param name="interpolation">Nearest (default) or bilinear.</param>
    /// <param name="expand">Whether the image grows to hold all of the rotated one; default false.</param>
    /// <param name="fill">What lies outside, a byte for every channel; default 0.</param>
    public RandomRotation((double Low, double High) degrees, Interpolation interpolation = Interpolation.Nearest, bool expand = false, byte fill = 0)
    {
        RandomAffine.Check(interpolation);
        ArgumentOutOfRangeException.ThrowIfLessThan(degrees.High, degrees.Low, nameof(degrees));
        (this.degrees, this.interpolation, this.expand, this.fill) = (degrees, interpolation, expand, fill * 0x010101u);
    }

    /// <inheritdoc/>
    public override void Apply(Image image, RandomStream random)
    {
        double angle = random.Uniform(degrees.Low, degrees.High);
        Span<double> matrix = stackalloc double[6];
        Geometry.InverseAffine(matrix, (0, 0), -angle, (0, 0), 1, (0, 0));
        (int width, int height) = (image.Width, image.Height);
        if (expand)
        {
            double cos = Math.Abs(Math.Cos(angle * Math.PI / 180));
            double sin = Math.Abs(Math.Sin(angle * Math.PI / 180));

            // A quarter turn exchanges the sides; at other angles every column and row counts that the rotated image touches, as in torchvision.
            (width, height) = angle % 180 is 90 or -90
                ? (height, width)
                : (Touched((width * cos) + (height * sin), width), Touched((width * sin) + (height * cos), height));
        }

        Geometry.Warp(image, matrix, width, height, interpolation, fill);
    }

    /// <summary>Pixels of the original's raster that a length with the same middle touches; less than a ten thousandth does not count.</summary>
    private static int Touched(double length, int original)
    {
        const double Steps = 1e4;
        double end = Math.Truncate((original + length) / 2 * Steps) / Steps;
        double start = Math.Truncate((original - length) / 2 * Steps) / Steps;
        return (int)(Math.Ceiling(end) - Math.Floor(start));
    }
}

/// <summary>Rotates, moves, scales and shears by random amounts about the middle.</summary>
public sealed class RandomAffine : ImageTransform
{
    private readonly (double Low, double High) degrees;
    private readonly (double X, double Y) translate;
    private readonly (double Low, double High) scale;
    private readonly (double Low, double High) shear;
    private readonly Interpolation interpolation;
    private readonly uint fill;

    /// <summary>The transform.</summary>
    /// <param name="degrees">Largest angle in both directions.</param>
    /// <param name="translate">Largest move as a share of width and height; null for none.</param>
    /// <param name="scale">Range of the factor; null for 1.</param>
    /// <param name="shear">Largest shear along the rows, in degrees, in both directions; default 0.</param>
    /// <param name="interpolation">Nearest (default) or bilinear.</param>
    /// <param name="fill">What lies outside, a byte for every channel; default 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">A share not in [0, 1], a factor not above 0, or a bicubic interpolation.</exception>
    public RandomAffine(double degrees, (double X, double Y)? translate = null, (double Low, double High)? scale = null, double shear = 0, Interpolation interpolation = Interpolation.Nearest, byte fill = 0)
    {
        Check(interpolation);
        this.degrees = (-Math.Abs(degrees), Math.Abs(degrees));
        this.translate = translate ?? (0, 0);
        this.scale = scale ?? (1, 1);
        this.shear = (-Math.Abs(shear), Math.Abs(shear));
        ArgumentOutOfRangeException.ThrowIfNegative(Math.Min(this.translate.X, this.translate.Y), nameof(translate));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Math.Max(this.translate.X, this.translate.Y), 1, nameof(translate));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(this.scale.Low, nameof(scale));
        ArgumentOutOfRangeException.ThrowIfLessThan(this.scale.High, this.scale.Low, nameof(scale));
        (this.interpolation, this.fill) = (interpolation, fill * 0x010101u);
    }

    /// <inheritdoc/>
    public override void Apply(Image image, RandomStream random)
    {
        double angle = random.Uniform(degrees.Low, degrees.High);
        double x = Math.Round(random.Uniform(-translate.X, translate.X) * image.Width);
        double y = Math.Round(random.Uniform(-translate.Y, translate.Y) * image.Height);
        double factor = random.Uniform(scale.Low, scale.High);
        double sheared = random.Uniform(shear.Low, shear.High);
        Span<double> matrix = stackalloc double[6];
        Geometry.InverseAffine(matrix, (0, 0), angle, (x, y), factor, (sheared, 0));
        Geometry.Warp(image, matrix, image.Width, image.Height, interpolation, fill);
    }

    internal static void Check(Interpolation interpolation)
    {
        if (interpolation is not (Interpolation.Nearest or Interpolation.Bilinear))
        {
            throw new ArgumentOutOfRangeException(nameof(interpolation), interpolation, "Rotations and affine maps are nearest or bilinear.");
        }
    }
}
