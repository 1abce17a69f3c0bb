namespace ModelGen.Kernels.Tests;

/// <summary>Functions of vectors against <see cref="Math"/> in float64.</summary>
public sealed unsafe class VectorMathTests
{
    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void ErrorsAreAsSmallAsPromised(int bits) => Widths.Run(bits, new Accuracy());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void NotANumberInfinityAndDenormals(int bits) => Widths.Run(bits, new Extremes());

    /// <summary>Error function: its series near zero, the continued fraction of erfc (Lentz) beyond.</summary>
    internal static double Erf(double x)
    {
        if (double.IsNaN(x))
        {
            return x;
        }

        double magnitude = Math.Abs(x);
        if (magnitude > 6)
        {
            return Math.Sign(x);
        }

        double sum = 0;
        double term = magnitude;
        for (int n = 0; n < 200; n++)
        {
            sum += term / ((2 * n) + 1);
            term *= -magnitude * magnitude / (n + 1);
        }

        if (magnitude > 2)
        {
            double fraction = 0;
            for (int n = 200; n >= 1; n--)
            {
                fraction = n / 2.0 / (magnitude + fraction);
            }

            return Math.Sign(x) * (1 - (Math.Exp(-magnitude * magnitude) / (Math.Sqrt(Math.PI) * (magnitude + fraction))));
        }

        return Math.Sign(x) * 2 / Math.Sqrt(Math.PI) * sum;
    }

    private static void Check<V>(string name, Func<V, V> ours, Func<double, double> exact, IEnumerable<float> arguments, double relative, double absolute)
        where V : unmanaged, IVector<V>
    {
        float* lanes = stackalloc float[16];
        double worst = 0;
        string where = string.Empty;
        foreach (float[] chunk in arguments.Chunk(V.Count))
        {
            new Span<float>(lanes, 16).Fill(0.25f);
            chunk.CopyTo(new Span<float>(lanes, 16));
            ours(V.Load(lanes)).Store(lanes);
            for (int i = 0; i < chunk.Length; i++)
            {
                double expected = exact(chunk[i]);
                if (double.IsNaN(expected) || double.IsInfinity((float)expected) || float.IsInfinity(lanes[i]))
                {
                    // A result at the edge of the range may round either way.
                    bool edge = Math.Abs(expected) > float.MaxValue * (1 - relative) && Math.Abs(lanes[i]) >= float.MaxValue * (1 - relative) && Math.Sign(expected) == Math.Sign(lanes[i]);
                    Assert.True(edge || (double.IsNaN(expected) && float.IsNaN(lanes[i])), $"{name}({chunk[i]:R}) is {lanes[i]:R} instead of {expected:R}");
                    continue;
                }

                // Half of the last place of numbers below the normal ones is the least error possible there.
                double error = Math.Max(Math.Abs(expected - lanes[i]) - float.Epsilon, 0) / ((relative * Math.Abs(expected)) + absolute);
                if (!(error <= worst))
                {
                    worst = error;
                    where = $"{name}({chunk[i]:R}) is {lanes[i]:R} instead of {expected:R}";
                }
            }
        }

        Assert.True(worst <= 1, $"{where}: {worst:N2} times the error promised");
    }

    private static IEnumerable<float> Between(double from, double to, int count = 20000)
    {
        for (int i = 0; i <= count; i++)
        {
            yield return (float)(from + ((to - from) * i / count));
        }
    }

    /// <summary>Numbers of both signs from tiny to large, as many of each size.</summary>
    private static IEnumerable<float> Sizes(double smallest, double largest, bool negative = true)
    {
        var random = new Random(5);
        for (int i = 0; i < 20000; i++)
        {
            double size = Math.Exp(Math.Log(smallest) + (random.NextDouble() * Math.Log(largest / smallest)));
            yield return (float)(negative && random.Next(2) == 0 ? -size : size);
        }
    }

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    private static double Log1p(double x) => Math.Abs(x) < 1e-5 ? x - (x * x / 2) + (x * x * x / 3) : Math.Log(1 + x);

    private static double Softplus(double x) => Math.Max(x, 0) + Log1p(Math.Exp(-Math.Abs(x)));

    private sealed class Accuracy : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            Check<V>("Exp", VectorMath.Exp, Math.Exp, [.. Between(-110, 92), .. Between(-1, 1), .. Sizes(1e-45, 80)], 3e-7, 0);
            Check<V>("Sigmoid", VectorMath.Sigmoid, Sigmoid, [.. Between(-86, 90), .. Sizes(1e-45, 80)], 3e-7, 0);
            Check<V>("Tanh", VectorMath.Tanh, Math.Tanh, [.. Between(-12, 12), .. Between(-0.7, 0.7), .. Sizes(1e-45, 1e38)], 3e-7, 0);
            Check<V>("Erf below 1", VectorMath.Erf, Erf, [.. Between(-0.9999, 0.9999), .. Sizes(1e-45, 0.9999)], 3e-7, 0);
            Check<V>("Erf", VectorMath.Erf, Erf, [.. Between(-8, 8), .. Sizes(1, 1e38)], 0, 2e-7);
            Check<V>("NormalCdf", static x => VectorMath.NormalCdf(x, out _), static x => 0.5 * (1 + Erf(x / Math.Sqrt(2))), [.. Between(-9, 9), .. Sizes(1e-45, 1e38)], 0, 2.5e-7);
            Check<V>(
                "bell",
                static x =>
                {
                    VectorMath.NormalCdf(x, out V bell);
                    return bell;
                },
                static x => Math.Exp(-x * x / 2),
                Between(-5, 5),
                2e-6,
                0);
            Check<V>("Log", V.Log, Math.Log, [.. Between(0.1, 3), .. Sizes(1e-45, 3e38, negative: false)], 3e-7, 0);
            Check<V>("Log1p", VectorMath.Log1p, Log1p, [.. Between(-0.999, 3), .. Sizes(1e-45, 0.9), .. Sizes(1e-45, 3e38, negative: false)], 4e-7, 0);
            Check<V>("Softplus", VectorMath.Softplus, Softplus, [.. Between(-80, 80), .. Sizes(1e-45, 80), .. Sizes(80, 1e38, negative: false)], 5e-7, 0);
            Check<V>("Sin", V.Sin, Math.Sin, [.. Between(-20, 20), .. Sizes(1e-45, 20)], 3e-7, 1.2e-7);
            Check<V>("Cos", V.Cos, Math.Cos, [.. Between(-20, 20), .. Sizes(1e-45, 20)], 3e-7, 1.2e-7);
            Check<V>("Sin of large", V.Sin, Math.Sin, Sizes(20, 1e30), 0, 3e-7);
            Check<V>("Cos of large", V.Cos, Math.Cos, Sizes(20, 1e30), 0, 3e-7);
            foreach (float exponent in (float[])[0, 1, 2, 3, -1, 0.5f, -0.5f, 2.5f, 1 / 3f])
            {
                Check<V>($"Pow {exponent}", x => VectorMath.Pow(x, V.All(exponent)), x => Math.Pow(x, exponent), [.. Sizes(1e-3, 1e3), 0, -0f, 1, -2], 3e-7, 0);
            }
        }
    }

    private sealed class Extremes : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            float[] arguments = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, 0, -0f, float.Epsilon, -float.Epsilon, 1e-40f, -1e-40f, float.MaxValue, float.MinValue];
            Values<V>("Exp", VectorMath.Exp, arguments, [float.NaN, float.PositiveInfinity, 0, 1, 1, 1, 1, 1, 1, float.PositiveInfinity, 0]);
            Values<V>("Sigmoid", VectorMath.Sigmoid, arguments, [float.NaN, 1, 0, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 1, 0]);
            Values<V>("Tanh", VectorMath.Tanh, arguments, [float.NaN, 1, -1, 0, 0, float.Epsilon, -float.Epsilon, 1e-40f, -1e-40f, 1, -1]);
            Values<V>("Erf", VectorMath.Erf, arguments, [float.NaN, 1, -1, 0, 0, float.Epsilon, -float.Epsilon, 1.1283794e-40f, -1.1283794e-40f, 1, -1]);
            Values<V>("NormalCdf", static x => VectorMath.NormalCdf(x, out _), arguments, [float.NaN, 1, 0, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 1, 0]);
            Values<V>("Log1p", VectorMath.Log1p, [.. arguments, -1, -2], [float.NaN, float.PositiveInfinity, float.NaN, 0, 0, float.Epsilon, -float.Epsilon, 1e-40f, -1e-40f, 88.72284f, float.NaN, float.NegativeInfinity, float.NaN]);
            Values<V>("Softplus", VectorMath.Softplus, arguments, [float.NaN, float.PositiveInfinity, 0, 0.6931472f, 0.6931472f, 0.6931472f, 0.6931472f, 0.6931472f, 0.6931472f, float.MaxValue, 0]);
            Values<V>("Log", V.Log, [float.NaN, float.PositiveInfinity, float.NegativeInfinity, 0, -0f, -1, 1, float.Epsilon, float.MaxValue, 1e-40f], [float.NaN, float.PositiveInfinity, float.NaN, float.NegativeInfinity, float.NegativeInfinity, float.NaN, 0, -103.27893f, 88.72284f, -92.1034f]);
            Values<V>("Sin", V.Sin, [float.NaN, float.PositiveInfinity, float.NegativeInfinity, 0, 1e-40f], [float.NaN, float.NaN, float.NaN, 0, 1e-40f]);
            Values<V>("Cos", V.Cos, [float.NaN, float.PositiveInfinity, float.NegativeInfinity, 0, 1e-40f], [float.NaN, float.NaN, float.NaN, 1, 1]);
            Values<V>("Pow", static x => VectorMath.Pow(x, V.All(2)), [float.NaN, float.PositiveInfinity, float.NegativeInfinity, -0f, 1e30f], [float.NaN, float.PositiveInfinity, float.PositiveInfinity, 0, float.PositiveInfinity]);
            Values<V>("Pow of halves", static x => VectorMath.Pow(x, V.All(0.5f)), [float.NaN, float.PositiveInfinity, 4, -1], [float.NaN, float.PositiveInfinity, 2, float.NaN]);
            Values<V>("Pow to NaN", static x => VectorMath.Pow(x, V.All(float.NaN)), [1, 2], [1, float.NaN]);
        }

        private static void Values<V>(string name, Func<V, V> ours, float[] arguments, float[] expected)
            where V : unmanaged, IVector<V>
        {
            // Each argument in every lane, so that no lane helps or harms another.
            float* lanes = stackalloc float[16];
            for (int i = 0; i < arguments.Length; i++)
            {
                ours(V.All(arguments[i])).Store(lanes);
                for (int lane = 0; lane < V.Count; lane++)
                {
                    bool same = float.IsNaN(expected[i]) ? float.IsNaN(lanes[lane])
                        : lanes[lane] == expected[i] || Math.Abs(lanes[lane] - expected[i]) <= (2e-7 * Math.Abs((double)expected[i])) + float.Epsilon;
                    Assert.True(same, $"{name}({arguments[i]:R}) is {lanes[lane]:R} instead of {expected[i]:R}");
                }
            }
        }
    }
}
