using System.Numerics;

namespace Digits.Drawing;

/// <summary>
/// Elastic distortion (Simard, Steinkraus and Platt 2003): random displacements at every node of a lattice, smoothed with a
/// Gaussian, so that neighbouring points move together. Applied to the strokes, which keeps the ink sharp.
/// </summary>
internal sealed class ElasticField
{
    private const int Nodes = 16;
    private const int Radius = 4;

    private static readonly float[] Kernel = GaussianKernel(sigma: 2);

    private readonly Vector2[] raw = new Vector2[Nodes * Nodes];
    private readonly Vector2[] rows = new Vector2[Nodes * Nodes];
    private readonly Vector2[] field = new Vector2[Nodes * Nodes];

    /// <summary>Draws a new field.</summary>
    /// <param name="random">Source of randomness.</param>
    /// <param name="strength">Standard deviation of the displacement, in the unit of <see cref="At"/>'s result.</param>
    public void Fill(ref SampleRandom random, float strength)
    {
        // Uniform in [-1, 1] has variance 1/3; a separable kernel of squared norm s leaves (s * s) / 3, which `gain` undoes.
        float squaredNorm = Kernel.Sum(static w => w * w);
        float gain = strength * MathF.Sqrt(3) / squaredNorm;
        for (int i = 0; i < raw.Length; i++)
        {
            raw[i] = gain * new Vector2(random.Uniform(-1, 1), random.Uniform(-1, 1));
        }

        Smooth(raw, rows, stride: 1, lineStride: Nodes);
        Smooth(rows, field, stride: Nodes, lineStride: 1);
    }

    /// <summary>The displacement at a point, interpolated between nodes.</summary>
    /// <param name="position">Position in [0, 1] x [0, 1]; the border's value continues outside.</param>
    public Vector2 At(Vector2 position)
    {
        Vector2 p = Vector2.Clamp(position * (Nodes - 1), Vector2.Zero, new Vector2(Nodes - 1.001f));
        int x = (int)p.X;
        int y = (int)p.Y;
        int at = (y * Nodes) + x;
        Vector2 top = Vector2.Lerp(field[at], field[at + 1], p.X - x);
        Vector2 bottom = Vector2.Lerp(field[at + Nodes], field[at + Nodes + 1], p.X - x);
        return Vector2.Lerp(top, bottom, p.Y - y);
    }

    /// <summary>Smooths along one axis; the lattice wraps around so that every node keeps the same variance.</summary>
    private static void Smooth(Vector2[] source, Vector2[] target, int stride, int lineStride)
    {
        for (int line = 0; line < Nodes; line++)
        {
            for (int i = 0; i < Nodes; i++)
            {
                Vector2 sum = Vector2.Zero;
                for (int k = -Radius; k <= Radius; k++)
                {
                    sum += Kernel[k + Radius] * source[(line * lineStride) + (((i + k + Nodes) % Nodes) * stride)];
                }

                target[(line * lineStride) + (i * stride)] = sum;
            }
        }
    }

    private static float[] GaussianKernel(float sigma)
    {
        float[] weights = [.. Enumerable.Range(-Radius, (2 * Radius) + 1).Select(k => MathF.Exp(-k * k / (2 * sigma * sigma)))];
        float sum = weights.Sum();
        return [.. weights.Select(w => w / sum)];
    }
}
