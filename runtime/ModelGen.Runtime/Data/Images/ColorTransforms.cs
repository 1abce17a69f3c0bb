namespace ModelGen.Data;

/// <summary>Turns an image grey.</summary>
/// <param name="channels">Channels of the result: 1 (default), or 3 equal ones.</param>
public sealed class Grayscale(int channels = 1) : ImageTransform
{
    private readonly int channels = channels is 1 or 3 ? channels : throw new ArgumentOutOfRangeException(nameof(channels), channels, "A grey image has 1 or 3 channels.");

    /// <inheritdoc/>
    public override void Apply(Image image, RandomStream random) => Colors.MakeGrey(image, channels);
}

/// <summary>Changes brightness, contrast, saturation and hue by random amounts, in random order.</summary>
public sealed class ColorJitter : ImageTransform
{
    private readonly double brightness;
    private readonly double contrast;
    private readonly double saturation;
    private readonly double hue;

    /// <summary>The transform.</summary>
    /// <param name="brightness">Factors lie between max(0, 1 - this) and 1 + this; default 0 for no change.</param>
    /// <param name="contrast">The same for contrast.</param>
    /// <param name="saturation">The same for saturation.</param>
    /// <param name="hue">Largest turn of the hue in both directions, as a share of the circle: 0 to 0.5.</param>
    /// <exception cref="ArgumentOutOfRangeException">A negative number, or a turn above a half.</exception>
    public ColorJitter(double brightness = 0, double contrast = 0, double saturation = 0, double hue = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(brightness);
        ArgumentOutOfRangeException.ThrowIfNegative(contrast);
        ArgumentOutOfRangeException.ThrowIfNegative(saturation);
        ArgumentOutOfRangeException.ThrowIfNegative(hue);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(hue, 0.5);
        (this.brightness, this.contrast, this.saturation, this.hue) = (brightness, contrast, saturation, hue);
    }

    /// <inheritdoc/>
    public override void Apply(Image image, RandomStream random)
    {
        Span<int> order = [0, 1, 2, 3];
        Shuffler.Shuffle(order, random);
        double light = Factor(brightness, random);
        double distance = Factor(contrast, random);
        double colour = Factor(saturation, random);
        double turn = random.Uniform(-hue, hue);
        foreach (int step in order)
        {
            switch (step)
            {
                case 0 when brightness > 0:
                    Colors.Brightness(image, light);
                    break;
                case 1 when contrast > 0:
                    Colors.Contrast(image, distance);
                    break;
                case 2 when saturation > 0:
                    Colors.Saturation(image, colour);
                    break;
                case 3 when hue > 0:
                    Colors.Hue(image, turn);
                    break;
            }
        }
    }

    private static double Factor(double reach, RandomStream random) => random.Uniform(Math.Max(0, 1 - reach), 1 + reach);
}

/// <summary>Overwrites a random rectangle of an image that is float values already (Zhong et al. 2017, arXiv:1708.04896).</summary>
public sealed class RandomErasing : ImageTransform
{
    private const int Tries = 10;

    private readonly double p;
    private readonly (double Low, double High) scale;
    private readonly (double Low, double High) ratio;
    private readonly float? value;

    /// <summary>The transform.</summary>
    /// <param name="p">Probability; default 0.5.</param>
    /// <param name="scale">Share of the area; null for 0.02 to 0.33.</param>
    /// <param name="ratio">Height divided by width; null for 0.3 to 3.3.</param>
    /// <param name="value">What is written; null for normal random numbers. Default 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">A range that is empty or not above 0.</exception>
    public RandomErasing(double p = 0.5, (double Low, double High)? scale = null, (double Low, double High)? ratio = null, float? value = 0)
    {
        (this.p, this.scale, this.ratio, this.value) = (p, scale ?? (0.02, 0.33), ratio ?? (0.3, 3.3), value);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(Math.Min(this.scale.Low, this.ratio.Low), nameof(scale));
        ArgumentOutOfRangeException.ThrowIfLessThan(this.scale.High, this.scale.Low, nameof(scale));
        ArgumentOutOfRangeException.ThrowIfLessThan(this.ratio.High, this.ratio.Low, nameof(ratio));
    }

    /// <inheritdoc/>
    public override void Apply(Image image, RandomStream random)
    {
        Span<float> values = image.Values;
        if (!random.Chance(p))
        {
            return;
        }

        (int height, int width) = (image.Height, image.Width);
        for (int i = 0; i < Tries; i++)
        {
            double area = (double)height * width * random.Uniform(scale.Low, scale.High);
            double aspect = Math.Exp(random.Uniform(Math.Log(ratio.Low), Math.Log(ratio.High)));
            int rows = (int)Math.Round(Math.Sqrt(area * aspect));
            int columns = (int)Math.Round(Math.Sqrt(area / aspect));
            if (rows < height && columns < width)
            {
                int top = random.Next(height - rows + 1);
                int left = random.Next(width - columns + 1);
                for (int row = 0; row < image.Channels * rows; row++)
                {
                    Erase(values.Slice((((row / rows * height) + top + (row % rows)) * width) + left, columns), random);
                }

                return;
            }
        }
    }

    private void Erase(Span<float> part, RandomStream random)
    {
        if (value is float constant)
        {
            part.Fill(constant);
            return;
        }

        foreach (ref float place in part)
        {
            place = (float)random.Normal();
        }
    }
}
