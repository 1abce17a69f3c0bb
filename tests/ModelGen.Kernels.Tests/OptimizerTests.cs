namespace ModelGen.Kernels.Tests;

/// <summary>Updates of optimizers against the published formulas in float64.</summary>
public sealed class OptimizerTests
{
    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void Adam(int bits) => Widths.Run(bits, new AdamBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void Sgd(int bits) => Widths.Run(bits, new SgdBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void Clip(int bits) => Widths.Run(bits, new ClipBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void Products(int bits) => Widths.Run(bits, new ProductBody());

    private static void Near(double[] expected, TestMemory actual)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], actual[i], 2e-6 * (1 + Math.Abs(expected[i])));
        }
    }

    private static double[] Copy(TestMemory memory) => [.. memory.Span.ToArray().Select(static value => (double)value)];

    private sealed class ClipBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(32);
            foreach (int count in (int[])[0, 1, 7, 16, 33, 4096, 4097, 1_000_003])
            {
                using var values = TestMemory.Random(count, random);
                double expected = Copy(values).Sum(static value => value * value);
                double sum = GradientClip<V>.SumOfSquares(values.Floats, count);
                Assert.Equal(expected, sum, 1e-6 * expected);
                int workers = Workers.Count;
                try
                {
                    Workers.Count = 1;
                    Assert.Equal(sum, GradientClip<V>.SumOfSquares(values.Floats, count));
                }
                finally
                {
                    Workers.Count = workers;
                }

                float[] before = values.Span.ToArray();
                GradientClip<V>.Clamp(values.Floats, count, 0.25f);
                Assert.All(Enumerable.Range(0, count), i => Assert.Equal(Math.Clamp(before[i], -0.25f, 0.25f), values[i]));
            }

            using var special = new TestMemory([float.NaN, float.PositiveInfinity, float.NegativeInfinity, 0.5f, -0.5f]);
            Assert.True(double.IsNaN(GradientClip<V>.SumOfSquares(special.Floats, 5)));
            GradientClip<V>.Clamp(special.Floats, 5, 2);
            Assert.Equal([float.NaN, 2, -2, 0.5f, -0.5f], special.Span.ToArray());
            special.Span[0] = 1;
            special.Span[1] = float.PositiveInfinity;
            Assert.Equal(double.PositiveInfinity, GradientClip<V>.SumOfSquares(special.Floats, 5));
        }
    }

    private sealed class ProductBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(33);
            foreach (int count in (int[])[0, 1, 7, 16, 33, 4096, 4097, 300_003])
            {
                using var a = TestMemory.Random(count, random);
                using var b = TestMemory.Random(count, random);
                (double[] x, double[] y) = (Copy(a), Copy(b));
                double Dot() => FlatProducts<V>.Dot(a.Floats, b.Floats, count);
                double Magnitudes() => FlatProducts<V>.SumOfMagnitudes(a.Floats, count);
                double magnitudes = x.Sum(Math.Abs);
                Assert.Equal(x.Zip(y, static (p, q) => p * q).Sum(), Dot(), 1e-6 * (1 + magnitudes));
                Assert.Equal(magnitudes, Magnitudes(), 1e-6 * magnitudes);
                Assert.Equal(x.Select(Math.Abs).DefaultIfEmpty().Max(), FlatProducts<V>.Largest(a.Floats, count));
                int workers = Workers.Count;
                (double dot, double sum) = (Dot(), Magnitudes());
                try
                {
                    Workers.Count = 1;
                    Assert.Equal((dot, sum), (Dot(), Magnitudes()));
                }
                finally
                {
                    Workers.Count = workers;
                }
            }

            using var special = new TestMemory([1, float.NaN, float.NegativeInfinity]);
            Assert.True(double.IsNaN(FlatProducts<V>.Dot(special.Floats, special.Floats, 3)));
            Assert.True(double.IsNaN(FlatProducts<V>.SumOfMagnitudes(special.Floats, 3)));
            special.Span[1] = -2;
            Assert.Equal(float.PositiveInfinity, FlatProducts<V>.Largest(special.Floats, 3));
            Assert.Equal(2, FlatProducts<V>.Largest(special.Floats, 2));
        }
    }

    private sealed class AdamBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(31);
            foreach (int count in (int[])[0, 1, 7, 16, 33, 40_003])
            {
                foreach (bool decoupled in (bool[])[true, false])
                {
                    using var p = TestMemory.Random(count, random);
                    using var m = new TestMemory(new float[count]);
                    using var s = new TestMemory(new float[count]);
                    (double[] ep, double[] em, double[] es) = (Copy(p), new double[count], new double[count]);
                    for (int step = 1; step <= 4; step++)
                    {
                        using var g = TestMemory.Random(count, random);
                        Adam<V>.Step(p.Floats, g.Floats, m.Floats, s.Floats, count, new AdamSettings(0.01, 0.9, 0.99, 1e-8, 0.1, decoupled, step) { GradientScale = 0.5f });
                        for (int i = 0; i < count; i++)
                        {
                            double gradient = (g[i] * 0.5) + (decoupled ? 0 : 0.1 * ep[i]);
                            ep[i] -= decoupled ? 0.01 * 0.1 * ep[i] : 0;
                            em[i] = (0.9 * em[i]) + (0.1 * gradient);
                            es[i] = (0.99 * es[i]) + (0.01 * gradient * gradient);
                            ep[i] -= 0.01 * (em[i] / (1 - Math.Pow(0.9, step))) / (Math.Sqrt(es[i] / (1 - Math.Pow(0.99, step))) + 1e-8);
                        }
                    }

                    Near(em, m);
                    Near(es, s);
                    for (int i = 0; i < count; i++)
                    {
                        // The step itself is a quotient of rounded numbers.
                        Assert.Equal(ep[i], p[i], 1e-5 * (1 + Math.Abs(ep[i])));
                    }
                }
            }
        }
    }

    private sealed class SgdBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(32);
            foreach (int count in (int[])[0, 1, 7, 16, 33, 40_003])
            {
                foreach ((double momentum, bool nesterov, float gain) in ((double, bool, float)[])[(0, false, 1), (0.9, false, 1), (0.9, true, 1), (0.9, false, 0.5f)])
                {
                    using var p = TestMemory.Random(count, random);
                    using var velocity = new TestMemory(new float[count]);
                    (double[] ep, double[] ev) = (Copy(p), new double[count]);
                    for (int step = 1; step <= 4; step++)
                    {
                        using var g = TestMemory.Random(count, random);
                        Sgd<V>.Step(p.Floats, g.Floats, momentum == 0 ? default : velocity.Floats, count, new SgdSettings(0.01, momentum, nesterov, 0.1) { GradientScale = 2, VelocityGain = gain });
                        for (int i = 0; i < count; i++)
                        {
                            double gradient = (g[i] * 2) + (0.1 * ep[i]);
                            ev[i] = (momentum * ev[i]) + (gradient * gain);
                            ep[i] -= 0.01 * (nesterov ? gradient + (momentum * ev[i]) : momentum == 0 ? gradient : ev[i]);
                        }
                    }

                    Near(ep, p);
                    if (momentum != 0)
                    {
                        Near(ev, velocity);
                    }
                }
            }
        }
    }
}
