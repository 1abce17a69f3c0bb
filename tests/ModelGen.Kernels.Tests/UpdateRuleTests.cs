namespace ModelGen.Kernels.Tests;

/// <summary>Update rules against their formulas in float64, one number at a time, at sizes around those of registers.</summary>
public sealed class UpdateRuleTests
{
    private static readonly int[] Counts = [0, 1, 7, 16, 33, 8193, 40_003];

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void AmsGrad(int bits) => Widths.Run(bits, new AmsGradBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void Adagrad(int bits) => Widths.Run(bits, new AdagradBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void Adadelta(int bits) => Widths.Run(bits, new AdadeltaBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void Adamax(int bits) => Widths.Run(bits, new AdamaxBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void NAdamAndRAdam(int bits) => Widths.Run(bits, new NAdamRAdamBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void RmsProp(int bits) => Widths.Run(bits, new RmsPropBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void AveragedSgd(int bits) => Widths.Run(bits, new AveragedBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void Rprop(int bits) => Widths.Run(bits, new RpropBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void Lion(int bits) => Widths.Run(bits, new LionBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void Sums(int bits) => Widths.Run(bits, new SumsBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void MuonIteratesAsItsText(int bits) => Widths.Run(bits, new MuonBody());

    private delegate double Formula(double p, double g, ref double a, ref double b, ref double c, int step);

    /// <summary>Four steps with gradients scaled by a half, an L2 term and decoupled decay, each number on its own.</summary>
    private static void Compare<V, TRule>(Func<int, TRule> rule, Formula formula, int states, float firstOfB = 0)
        where V : unmanaged, IVector<V>
        where TRule : unmanaged, IUpdateRule<V>
    {
        var random = new Random(31);
        foreach (int count in Counts)
        {
            using var p = TestMemory.Random(count, random);
            TestMemory[] state = [.. Enumerable.Range(0, 3).Select(_ => new TestMemory(new float[count]))];
            state[1].Span.Fill(firstOfB);
            double[] ep = [.. p.Span.ToArray().Select(static value => (double)value)];
            double[][] es = [new double[count], [.. Enumerable.Repeat((double)firstOfB, count)], new double[count]];
            for (int step = 1; step <= 4; step++)
            {
                using var g = TestMemory.Random(count, random);
                float[] before = g.Span.ToArray();
                Floats At(int index) => index < states ? state[index].Floats : default;
                FlatUpdate<V>.Run(rule(step), new UpdateBuffers(p.Floats, g.Floats, At(0), At(1), At(2), count) { GradientScale = 0.5f, Decay = 0.125f, Shrink = 0.96875f });
                Assert.Equal(before, g.Span.ToArray());
                for (int i = 0; i < count; i++)
                {
                    double gradient = (before[i] * 0.5) + (0.125 * ep[i]);
                    ep[i] = formula(ep[i] * 0.96875, gradient, ref es[0][i], ref es[1][i], ref es[2][i], step);
                }
            }

            for (int i = 0; i < count; i++)
            {
                Assert.Equal(ep[i], p[i], 2e-5 * (1 + Math.Abs(ep[i])));
                for (int index = 0; index < states; index++)
                {
                    Assert.Equal(es[index][i], state[index][i], 5e-6 * (1 + Math.Abs(es[index][i])));
                }
            }

            Array.ForEach(state, static memory => memory.Dispose());
        }
    }

    private sealed class AmsGradBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V> => Compare<V, AmsGradRule<V>>(
            static step => new(0.01, 0.9, 0.75, 1e-8, step),
            static (double p, double g, ref double a, ref double b, ref double c, int step) =>
            {
                a = (0.9 * a) + (0.1 * g);
                b = (0.75 * b) + (0.25 * g * g);
                c = Math.Max(c, b);
                return p - (0.01 / (1 - Math.Pow(0.9, step)) * a / ((Math.Sqrt(c) / Math.Sqrt(1 - Math.Pow(0.75, step))) + 1e-8));
            },
            3);
    }

    private sealed class AdagradBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V> => Compare<V, AdagradRule<V>>(
            static step => new(0.01, 1e-10),
            static (double p, double g, ref double a, ref double b, ref double c, int step) =>
            {
                a += g * g;
                return p - (0.01 * g / (Math.Sqrt(a) + 1e-10));
            },
            1);
    }

    private sealed class AdadeltaBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V> => Compare<V, AdadeltaRule<V>>(
            static step => new(1, 0.75, 1e-3),
            static (double p, double g, ref double a, ref double b, ref double c, int step) =>
            {
                a = (0.75 * a) + (0.25 * g * g);
                double delta = Math.Sqrt(b + 1e-3) / Math.Sqrt(a + 1e-3) * g;
                b = (0.75 * b) + (0.25 * delta * delta);
                return p - delta;
            },
            2);
    }

    private sealed class AdamaxBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V> => Compare<V, AdamaxRule<V>>(
            static step => new(0.01, 0.9, 0.75, 1e-8, step),
            static (double p, double g, ref double a, ref double b, ref double c, int step) =>
            {
                a = (0.9 * a) + (0.1 * g);
                b = Math.Max(0.75 * b, Math.Abs(g) + 1e-8);
                return p - (0.01 / (1 - Math.Pow(0.9, step)) * a / b);
            },
            2);
    }

    private sealed class NAdamRAdamBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            Compare<V, NAdamRule<V>>(
                static step => new(0.02, 0.03, 0.9, 0.75, 1e-8, step),
                static (double p, double g, ref double a, ref double b, ref double c, int step) =>
                {
                    a = (0.9 * a) + (0.1 * g);
                    b = (0.75 * b) + (0.25 * g * g);
                    return p - (((0.02 * g) + (0.03 * a)) / (Math.Sqrt(b / (1 - Math.Pow(0.75, step))) + 1e-8));
                },
                2);

            // Step 10 on has a rectified rate with 0.999, the first ones none.
            foreach (int offset in (int[])[0, 10])
            {
                Compare<V, RAdamRule<V>>(
                    step => new(0.01, 0.9, 0.999, 1e-8, step + offset),
                    (double p, double g, ref double a, ref double b, ref double c, int step) =>
                    {
                        int t = step + offset;
                        a = (0.9 * a) + (0.1 * g);
                        b = (0.999 * b) + (0.001 * g * g);
                        double power = Math.Pow(0.999, t);
                        double limit = (2 / 0.001) - 1;
                        double length = limit - (2 * t * power / (1 - power));
                        double mean = a / (1 - Math.Pow(0.9, t));
                        return length > 5
                            ? p - (0.01 * mean * Math.Sqrt((length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)) * Math.Sqrt(1 - power) / (Math.Sqrt(b) + 1e-8))
                            : p - (0.01 * mean);
                    },
                    2);
            }
        }
    }

    private sealed class RmsPropBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            Compare<V, RmsPropRule<V>>(
                static _ => new(0.01, 0.75, 1e-3, 0, false),
                static (double p, double g, ref double a, ref double b, ref double c, int step) =>
                {
                    a = (0.75 * a) + (0.25 * g * g);
                    return p - (0.01 * g / (Math.Sqrt(a) + 1e-3));
                },
                1);
            Compare<V, RmsPropRule<V>>(
                static _ => new(0.01, 0.75, 1e-3, 0.5, true),
                static (double p, double g, ref double a, ref double b, ref double c, int step) =>
                {
                    a = (0.75 * a) + (0.25 * g * g);
                    b = (0.75 * b) + (0.25 * g);
                    c = (0.5 * c) + (g / (Math.Sqrt(a - (b * b)) + 1e-3));
                    return p - (0.01 * c);
                },
                3);
        }
    }

    private sealed class AveragedBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V> => Compare<V, AveragedSgdRule<V>>(
            static step => new(0.01, 0.1, step < 3 ? 1 : 0.25),
            static (double p, double g, ref double a, ref double b, ref double c, int step) =>
            {
                p = (p * (1 - (0.1 * 0.01))) - (0.01 * g);
                a += (p - a) * (step < 3 ? 1 : 0.25);
                return p;
            },
            1);
    }

    private sealed class RpropBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V> => Compare<V, RpropRule<V>>(
            static _ => new(0.5, 1.25, 0.0625, 0.125),
            static (double p, double g, ref double a, ref double b, ref double c, int step) =>
            {
                int trend = Math.Sign(g * a);
                b = Math.Clamp(b * (trend < 0 ? 0.5 : trend > 0 ? 1.25 : 1), 0.0625, 0.125);
                a = trend < 0 ? 0 : g;
                return p - (Math.Sign(a) * b);
            },
            2,
            firstOfB: 0.1f);
    }

    private sealed class LionBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V> => Compare<V, LionRule<V>>(
            static _ => new(0.01, 0.9, 0.75),
            static (double p, double g, ref double a, ref double b, ref double c, int step) =>
            {
                double direction = Math.Sign((0.9 * a) + (0.1 * g));
                a = (0.75 * a) + (0.25 * g);
                return p - (0.01 * direction);
            },
            1);
    }

    private sealed class SumsBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(5);
            foreach (int count in Counts)
            {
                using var target = TestMemory.Random(count, random);
                using var values = TestMemory.Random(count, random);
                float[] before = target.Span.ToArray();
                FlatSums<V>.Scale(target.Floats, values.Floats, count, 0.5f, 3);
                Assert.All(Enumerable.Range(0, count), i => Assert.Equal((before[i] * 0.5) + (values[i] * 3.0), target[i], 1e-5));
                before = target.Span.ToArray();
                FlatSums<V>.Lerp(target.Floats, values.Floats, count, 0.25f);
                Assert.All(Enumerable.Range(0, count), i => Assert.Equal(before[i] + ((values[i] - (double)before[i]) * 0.25), target[i], 1e-5));
                before = target.Span.ToArray();
                FlatSums<V>.AddPenalty(target.Floats, values.Floats, count, 0.5f, 2);
                Assert.All(Enumerable.Range(0, count), i => Assert.Equal(before[i] + (0.5 * Math.Sign(values[i])) + (2.0 * values[i]), target[i], 1e-5));

                // Old values are not read when they count for nothing.
                target.Span.Fill(float.NaN);
                FlatSums<V>.Scale(target.Floats, values.Floats, count, 0, 2);
                Assert.All(Enumerable.Range(0, count), i => Assert.Equal(values[i] * 2, target[i]));
            }
        }
    }

    private sealed class MuonBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(5);
            foreach ((int rows, int columns) in ((int, int)[])[(1, 1), (3, 8), (8, 3), (17, 17), (40, 64)])
            {
                using var x = TestMemory.Random(rows * columns, random);
                using var workspace = new TestMemory((long)Muon<V>.WorkspaceFloats(rows, columns));
                double[] expected = Reference([.. x.Span.ToArray().Select(static value => (double)value)], rows, columns);
                Muon<V>.Orthogonalize(x.Floats, rows, columns, workspace.Floats, 5);
                for (int i = 0; i < expected.Length; i++)
                {
                    Assert.Equal(expected[i], x[i], 2e-5);
                }
            }
        }

        /// <summary>X = 3.4445 X - 4.7750 (X Xᵀ) X + 2.0315 (X Xᵀ)² X, five times, from X over its norm.</summary>
        private static double[] Reference(double[] x, int rows, int columns)
        {
            double norm = Math.Sqrt(x.Sum(static value => value * value)) + 1e-7;
            x = [.. x.Select(value => value / norm)];
            for (int step = 0; step < 5; step++)
            {
                double[] first = Times(x);
                double[] second = Times(first);
                x = [.. x.Select((value, i) => (3.4445 * value) - (4.7750 * first[i]) + (2.0315 * second[i]))];

                // (X Xᵀ) Y.
                double[] Times(double[] y)
                {
                    double[] result = new double[y.Length];
                    for (int i = 0; i < rows; i++)
                    {
                        for (int k = 0; k < rows; k++)
                        {
                            double gram = 0;
                            for (int j = 0; j < columns; j++)
                            {
                                gram += x[(i * columns) + j] * x[(k * columns) + j];
                            }

                            for (int j = 0; j < columns; j++)
                            {
                                result[(i * columns) + j] += gram * y[(k * columns) + j];
                            }
                        }
                    }

                    return result;
                }
            }

            return x;
        }
    }
}
