namespace ModelGen.Data;

/// <summary>Resizes an image; with one size the shorter side becomes that, and the other keeps the proportions.</summary>
public sealed class Resize : ImageTransform
{
    private readonly int height;
    private readonly int width;
    private readonly Interpolation interpolation;
    private readonly bool antialias;

    /// <summary>The shorter side becomes a size.</summary>
    /// <param name="size">The size, at least 1.</param>
    /// <param name="interpolation">How; default bilinear.</param>
    /// <param name="antialias">Whether a reduction takes the mean of all pixels it covers; default true.</param>
    public Resize(int size, Interpolation interpolation = Interpolation.Bilinear, bool antialias = true)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        (height, this.interpolation, this.antialias) = (size, interpolation, antialias);
    }

    /// <summary>Both sides become given sizes.</summary>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="width">Columns, at least 1.</param>
    /// <param name="interpolation">How; default bilinear.</param>
    /// <param name="antialias">Whether a reduction takes the mean of all pixels it covers; default true.</param>
    public Resize(int height, int width, Interpolation interpolation = Interpolation.Bilinear, bool antialias = true)
        : this(height, interpolation, antialias)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        this.width = width;
    }

    /// <inheritdoc/>
    public override void Apply(Image image, RandomStream random)
    {
        (int newHeight, int newWidth) = width > 0 ? (height, width)
            : image.Height <= image.Width ? (height, (int)((long)height * image.Width / image.Height))
            : ((int)((long)height * image.Height / image.Width), height);
        if (newHeight != image.Height || newWidth != image.Width)
        {
            Resampler.Resize(image, 0, 0, image.Width, image.Height, newWidth, newHeight, interpolation, antialias);
        }
    }
}

/// <summary>The middle of an image; a smaller image gets a black border.</summary>
public sealed class CenterCrop : ImageTransform
{
    private readonly int height;
    private readonly int width;

    /// <summary>A square.</summary>
    /// <param name="size">Rows and columns, at least 1.</param>
    public CenterCrop(int size)
        : this(size, size)
    {
    }

    /// <summary>A rectangle.</summary>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="width">Columns, at least 1.</param>
    public CenterCrop(int height, int width)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        (this.height, this.width) = (height, width);
    }

    /// <inheritdoc/>
    public override void Apply(Image image, RandomStream random)
    {
        int missingColumns = Math.Max(width - image.Width, 0);
        int missingRows = Math.Max(height - image.Height, 0);
        if (missingColumns + missingRows > 0)
        {
            Geometry.Pad(image, missingColumns / 2, missingRows / 2, (missingColumns + 1) / 2, (missingRows + 1) / 2, PaddingMode.Constant, 0);
        }

        // Python rounds halves to even, and so does Math.Round.
        Geometry.Crop(image, (int)Math.Round((image.Width - width) / 2.0), (int)Math.Round((image.Height - height) / 2.0), width, height);
    }
}

/// <summary>A border around an image.</summary>
public sealed class Pad : ImageTransform
{
    private readonly int size;
    private readonly PaddingMode mode;
    private readonly uint fill;

    /// <summary>The transform.</summary>
    /// <param name="size">Pixels on every side, not negative.</param>
    /// <param name="mode">What is in the border; default one colour.</param>
    /// <param name="fill">The colour as a byte for every channel; default 0.</param>
    public Pad(int size, PaddingMode mode = PaddingMode.Constant, byte fill = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        (this.size, this.mode, this.fill) = (size, mode, fill * 0x010101u);
    }

    /// <inheritdoc/>
    public override void Apply(Image image, RandomStream random) => Geometry.Pad(image, size, size, size, size, mode, fill);
}

/// <summary>A rectangle at a random place.</summary>
public sealed class RandomCrop : ImageTransform
{
    private readonly int height;
    private readonly int width;
    private readonly int padding;
    private readonly bool padIfNeeded;
    private readonly PaddingMode mode;
    private readonly uint fill;

    /// <summary>A square at a random place.</summary>
    /// <param name="size">Rows and columns, at least 1.</param>
    /// <param name="padding">Border on every side before the crop; default 0.</param>
    /// <param name="padIfNeeded">Whether a smaller image gets a border; default false, which refuses it.</param>
    /// <param name="mode">What is in the border; default one colour.</param>
    /// <param name="fill">The colour as a byte for every channel; default 0.</param>
    public RandomCrop(int size, int padding = 0, bool padIfNeeded = false, PaddingMode mode = PaddingMode.Constant, byte fill = 0)
        : this((size, size), padding, padIfNeeded, mode, fill)
    {
    }

    /// <summary>A rectangle at a random place.</summary>
    /// <param name="size">Rows and columns, at least 1.</param>
    /// <param name="padding">Border on every side before the crop; default 0.</param>
    /// <param name="padIfNeeded">Whether a smaller image gets a border; default false, which refuses it.</param>
    /// <param name="mode">What is in the border; default one colour.</param>
    /// <param name="fill">The colour as a byte for every channel; default 0.</param>
    public RandomCrop((int Height, int Width) size, int padding = 0, bool padIfNeeded = false, PaddingMode mode = PaddingMode.Constant, byte fill = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size.Height, 1, nameof(size));
        ArgumentOutOfRangeException.ThrowIfLessThan(size.Width, 1, nameof(size));
        ArgumentOutOfRangeException.ThrowIfNegative(padding);
        (height, width) = size;
        (this.padding, this.padIfNeeded, this.mode, this.fill) = (padding, padIfNeeded, mode, fill * 0x010101u);
    }

    /// <inheritdoc/>
    public override void Apply(Image image, RandomStream random)
    {
        int columns = padding + (padIfNeeded ? Math.Max(width - image.Width - (2 * padding), 0) : 0);
        int rows = padding + (padIfNeeded ? Math.Max(height - image.Height - (2 * padding), 0) : 0);
        if (columns + rows > 0)
        {
            Geometry.Pad(image, columns, rows, columns, rows, mode, fill);
        }

        if (width > image.Width || height > image.Height)
        {
            throw new InvalidOperationException($"RandomCrop of {height} x {width} does not fit an image of {image.Height} x {image.Width}; resize it first, or set padIfNeeded");
        }

        int top = random.Next(image.Height - height + 1);
        Geometry.Crop(image, random.Next(image.Width - width + 1), top, width, height);
    }
}

/// <summary>A part of random area and proportions at a random place, resized to one size ("Inception crop", Szegedy et al. 2014, arXiv:1409.4842).</summary>
public sealed class RandomResizedCrop : ImageTransform
{
    private const int Tries = 10;

    private readonly int size;
    private readonly (double Low, double High) scale;
    private readonly (double Low, double High) ratio;
    private readonly Interpolation interpolation;
    private readonly bool antialias;

    /// <summary>The transform.</summary>
    /// <param name="size">Rows and columns of the result, at least 1.</param>
    /// <param name="scale">Share of the area; null for 0.08 to 1.</param>
    /// <param name="ratio">Width divided by height; null for 3/4 to 4/3.</param>
    /// <param name="interpolation">How; default bilinear.</param>
    /// <param name="antialias">Whether a reduction takes the mean of all pixels it covers; default true.</param>
    /// <exception cref="ArgumentOutOfRangeException">A range that is empty or not above 0.</exception>
    public RandomResizedCrop(int size, (double Low, double High)? scale = null, (double Low, double High)? ratio = null, Interpolation interpolation = Interpolation.Bilinear, bool antialias = true)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        this.size = size;
        this.scale = Range(scale ?? (0.08, 1), nameof(scale));
        this.ratio = Range(ratio ?? (3.0 / 4, 4.0 / 3), nameof(ratio));
        (this.interpolation, this.antialias) = (interpolation, antialias);
    }

    /// <inheritdoc/>
    public override void Apply(Image image, RandomStream random)
    {
        (int left, int top, int width, int height) = Choose(image.Width, image.Height, random);
        Resampler.Resize(image, left, top, width, height, size, size, interpolation, antialias);
    }

    internal (int Left, int Top, int Width, int Height) Choose(int width, int height, RandomStream random)
    {
        for (int i = 0; i < Tries; i++)
        {
            double area = (double)width * height * random.Uniform(scale.Low, scale.High);
            double aspect = Math.Exp(random.Uniform(Math.Log(ratio.Low), Math.Log(ratio.High)));
            int w = (int)Math.Round(Math.Sqrt(area * aspect));
            int h = (int)Math.Round(Math.Sqrt(area / aspect));
            if (w > 0 && h > 0 && w <= width && h <= height)
            {
                int top = random.Next(height - h + 1);
                return (random.Next(width - w + 1), top, w, h);
            }
        }

        // The largest part of allowed proportions, in the middle.
        double own = (double)width / height;
        (int middleWidth, int middleHeight) = own < ratio.Low ? (width, Math.Min(height, (int)Math.Round(width / ratio.Low)))
            : own > ratio.High ? (Math.Min(width, (int)Math.Round(height * ratio.High)), height)
            : (width, height);
        return ((width - middleWidth) / 2, (height - middleHeight) / 2, middleWidth, middleHeight);
    }

    private static (double Low, double High) Range((double Low, double High) range, string name)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(range.Low, name);
        ArgumentOutOfRangeException.ThrowIfLessThan(range.High, range.Low, name);
        return range;
    }
}
