using System.Numerics;
using ModelGen.Monitoring;

namespace Digits.Drawing;

/// <summary>Grey images of digits and what they show.</summary>
/// <param name="Pixels">0 (paper) to 255 (ink), image after image, row-major.</param>
/// <param name="Labels">The digit of each image.</param>
internal sealed record DigitSet(byte[] Pixels, byte[] Labels);

/// <summary>
/// Writes digits by hand, so to speak: picks a way of writing, moves the pen a little off at every point, slants, turns and
/// stretches the result, bends it elastically, and draws it with a pen of random width on a 28 x 28 image. Like MNIST, a digit
/// is scaled to a box of about 20 pixels and centred by its ink.
/// </summary>
internal sealed class DigitArtist(ulong seed)
{
    /// <summary>Rows and columns of an image.</summary>
    public const int Size = 28;

    private const int PixelCount = Size * Size;
    private const float BoxSize = 20;

    [ThreadStatic]
    private static Desk? desk;

    /// <summary>Draws a data set. An image depends only on seed, stream and its index: not on the count, nor on the number of threads.</summary>
    /// <param name="count">Number of images.</param>
    /// <param name="stream">Which independent set: training and test sets take different ones.</param>
    public DigitSet DrawSet(int count, ulong stream)
    {
        var pixels = new byte[count * PixelCount];
        var labels = new byte[count];
        Parallel.For(0, count, i =>
        {
            var random = new SampleRandom(seed, stream, (ulong)i);
            labels[i] = (byte)random.Next(10);
            Draw(labels[i], ref random, pixels.AsSpan(i * PixelCount, PixelCount));
        });
        return new DigitSet(pixels, labels);
    }

    private static void Draw(int digit, ref SampleRandom random, Span<byte> pixels)
    {
        Desk tools = desk ??= new Desk();
        tools.Curve.Clear();
        tools.CurveEnds.Clear();
        Write(digit, ref random, tools);
        Distort(ref random, tools);
        DrawInk(ref random, tools);
        Scan(ref random, tools.Raster.Ink, pixels);
    }

    /// <summary>Picks a way of writing the digit and samples its strokes with an unsteady hand.</summary>
    private static void Write(int digit, ref SampleRandom random, Desk tools)
    {
        IReadOnlyList<StrokePath> variants = DigitShapes.Variants[digit];
        StrokePath shape = variants[random.Next(variants.Count)];
        float unsteadiness = random.Uniform(0.012f, 0.038f);
        Span<Vector2> controls = stackalloc Vector2[shape.Points.Length];
        int stroke = 0;
        var strokeOffset = Vector2.Zero;
        for (int i = 0; i < controls.Length; i++)
        {
            if (i == shape.StrokeEnds[stroke])
            {
                // Each stroke after the first lands a little off the place it aims at.
                stroke++;
                strokeOffset = unsteadiness * new Vector2(random.Normal(), random.Normal());
            }

            controls[i] = shape.Points[i] + strokeOffset + (unsteadiness * new Vector2(random.Normal(), random.Normal()));
        }

        shape.Flatten(controls, tools.Curve, tools.CurveEnds);
    }

    /// <summary>Aspect, slant and turn; then fit to the box, bend elastically, and centre.</summary>
    private static void Distort(ref SampleRandom random, Desk tools)
    {
        List<Vector2> curve = tools.Curve;
        float slant = Math.Clamp(0.12f + (0.2f * random.Normal()), -0.4f, 0.7f);
        var transform = Matrix3x2.CreateScale(random.Uniform(0.72f, 1.22f), 1)
            * new Matrix3x2(1, random.Uniform(-0.12f, 0.12f), -slant, 1, 0, 0)
            * Matrix3x2.CreateRotation(0.1f * random.Normal());
        Vector2 low = new(float.MaxValue);
        Vector2 high = new(float.MinValue);
        for (int i = 0; i < curve.Count; i++)
        {
            curve[i] = Vector2.Transform(curve[i], transform);
            low = Vector2.Min(low, curve[i]);
            high = Vector2.Max(high, curve[i]);
        }

        Vector2 extent = high - low;
        float scale = BoxSize * random.Uniform(0.8f, 1f) / MathF.Max(extent.X, extent.Y);
        tools.Field.Fill(ref random, strength: random.Uniform(0.3f, 1.15f));
        for (int i = 0; i < curve.Count; i++)
        {
            Vector2 position = ((curve[i] - (0.5f * (low + high))) * scale) + new Vector2(Size / 2f);
            curve[i] = position + tools.Field.At(position / Size);
        }

        Center(curve, 0.7f * new Vector2(random.Normal(), random.Normal()));
    }

    /// <summary>Moves the centre of the ink to the centre of the image plus an offset, but nothing over the edge.</summary>
    private static void Center(List<Vector2> curve, Vector2 offset)
    {
        Vector2 low = new(float.MaxValue);
        Vector2 high = new(float.MinValue);
        Vector2 sum = Vector2.Zero;
        float length = 0;
        for (int i = 0; i < curve.Count; i++)
        {
            float step = i > 0 ? Vector2.Distance(curve[i - 1], curve[i]) : 0;
            length += step;
            sum += step * curve[i];
            low = Vector2.Min(low, curve[i]);
            high = Vector2.Max(high, curve[i]);
        }

        Vector2 shift = new Vector2(Size / 2f) - (sum / length) + offset;
        const float Edge = 1.5f;
        shift = Vector2.Clamp(shift, Vector2.Min(new Vector2(Edge) - low, Vector2.Zero), Vector2.Max(new Vector2(Size - Edge) - high, Vector2.Zero));
        for (int i = 0; i < curve.Count; i++)
        {
            curve[i] += shift;
        }
    }

    /// <summary>Draws the strokes with a pen whose pressure rises and falls.</summary>
    private static void DrawInk(ref SampleRandom random, Desk tools)
    {
        float radius = random.Uniform(0.7f, 1.7f);
        float pressureChange = random.Uniform(0, 0.3f);
        float frequency = random.Uniform(0.05f, 0.25f);
        float phase = random.Uniform(0, 2 * MathF.PI);
        tools.Raster.Clear();
        int start = 0;
        foreach (int end in tools.CurveEnds)
        {
            for (int i = start; i + 1 < end; i++)
            {
                float from = radius * (1 + (pressureChange * MathF.Sin(phase + (frequency * i))));
                float to = radius * (1 + (pressureChange * MathF.Sin(phase + (frequency * (i + 1)))));
                tools.Raster.Segment(tools.Curve[i], tools.Curve[i + 1], from, to);
            }

            start = end;
        }

        tools.Raster.Blur(random.Uniform(0.05f, 0.4f));
    }

    /// <summary>Ink to grey values: a random darkness, uneven ink, and a little noise of the scanner.</summary>
    private static void Scan(ref SampleRandom random, ReadOnlySpan<float> ink, Span<byte> pixels)
    {
        float darkness = random.Uniform(0.78f, 1.1f);
        float unevenness = random.Uniform(0, 0.16f);
        float noise = random.Uniform(0, 0.035f);
        for (int i = 0; i < pixels.Length; i++)
        {
            float level = (ink[i] * darkness * (1 - (unevenness * random.Uniform(0, 1)))) + (noise * random.Normal());
            pixels[i] = (byte)(255 * Math.Clamp(level, 0, 1));
        }
    }

    /// <summary>What one thread draws with; made once, for drawing must not allocate per image.</summary>
    private sealed class Desk
    {
        public List<Vector2> Curve { get; } = [];

        public List<int> CurveEnds { get; } = [];

        public ElasticField Field { get; } = new();

        public InkRaster Raster { get; } = new(Size);
    }
}
