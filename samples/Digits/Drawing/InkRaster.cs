using System.Numerics;

namespace Digits.Drawing;

/// <summary>An antialiased pen on a small grey image: each pixel's ink is how far it lies inside the pen's round stroke.</summary>
internal sealed class InkRaster(int size)
{
    private readonly float[] ink = new float[size * size];
    private readonly float[] blurred = new float[size * size];

    /// <summary>Ink of each pixel in [0, 1], row-major.</summary>
    public Span<float> Ink => ink;

    public void Clear() => Array.Clear(ink);

    /// <summary>Draws a segment with a round pen whose radius changes along it; overlapping ink does not add up.</summary>
    public void Segment(Vector2 from, Vector2 to, float radiusFrom, float radiusTo)
    {
        float reach = MathF.Max(radiusFrom, radiusTo) + 1;
        Vector2 low = Vector2.Min(from, to) - new Vector2(reach);
        Vector2 high = Vector2.Max(from, to) + new Vector2(reach);
        int left = Math.Max(0, (int)low.X);
        int top = Math.Max(0, (int)low.Y);
        int right = Math.Min(size - 1, (int)high.X);
        int bottom = Math.Min(size - 1, (int)high.Y);
        Vector2 along = to - from;
        float lengthSquared = MathF.Max(along.LengthSquared(), 1e-6f);
        for (int y = top; y <= bottom; y++)
        {
            for (int x = left; x <= right; x++)
            {
                Vector2 offset = new Vector2(x + 0.5f, y + 0.5f) - from;
                float t = Math.Clamp(Vector2.Dot(offset, along) / lengthSquared, 0, 1);
                float distance = (offset - (t * along)).Length();
                float radius = radiusFrom + (t * (radiusTo - radiusFrom));
                float coverage = Math.Clamp(radius - distance + 0.5f, 0, 1);
                ref float pixel = ref ink[(y * size) + x];
                pixel = MathF.Max(pixel, coverage);
            }
        }
    }

    /// <summary>Mixes each pixel with the mean of its four neighbours.</summary>
    /// <param name="amount">0 leaves the image, 1 takes the neighbours only.</param>
    public void Blur(float amount)
    {
        for (int y = 0; y < size; y++)
        {
            for (int x = 0; x < size; x++)
            {
                int at = (y * size) + x;
                float neighbours = (x > 0 ? ink[at - 1] : 0) + (x < size - 1 ? ink[at + 1] : 0)
                    + (y > 0 ? ink[at - size] : 0) + (y < size - 1 ? ink[at + size] : 0);
                blurred[at] = ((1 - amount) * ink[at]) + (amount * 0.25f * neighbours);
            }
        }

        blurred.CopyTo(ink.AsSpan());
    }
}
