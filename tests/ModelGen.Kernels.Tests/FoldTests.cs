namespace ModelGen.Kernels.Tests;

/// <summary>Reductions and softmax against loops in float64, over all shapes that take another way through the kernels.</summary>
public sealed class FoldTests
{
    private static readonly (int Outer, int Length, int Inner)[] Shapes =
    [
        (1, 1, 1), (3, 1, 1), (1, 1, 4096), (7, 33, 1), (1, 100_003, 1), (2, 40_000, 1), (5, 9, 17), (40, 31, 33), (1, 700, 5), (1, 2048, 130), (3, 3000, 64), (1, 5000, 3), (2, 70_001, 2), (1, 3, 5001),
        (2, 1030, 2049), (300, 7, 15), (1, 511, 257),
    ];

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void Folds(int bits) => Widths.Run(bits, new FoldBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void Sums_OfNumbersOfOneSign_KeepTheirDigits(int bits) => Widths.Run(bits, new AccuracyBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void Softmaxes(int bits) => Widths.Run(bits, new SoftmaxBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void NaNAndInfinity_BehaveAsInPyTorch(int bits) => Widths.Run(bits, new SpecialBody());

    [Fact]
    public void Scans()
    {
        var random = new Random(64);
        foreach ((int outer, int length, int inner) in Shapes.Append((6, 9, 1)).Append((2, 5, 70)))
        {
            using var x = TestMemory.Random((long)outer * length * inner, random);
            using var y = new TestMemory(x.Count);
            Scan.Sum(x.Floats, outer, length, inner, y.Floats);
            Along(x, outer, length, inner, y, 0, static (running, next) => running + next);
            Scan.Product(x.Floats, outer, length, inner, y.Floats);
            Along(x, outer, length, inner, y, 1, static (running, next) => running * next);
        }
    }

    /// <summary>Results are those of steps in float64, bit for bit.</summary>
    private static void Along(TestMemory x, int outer, int length, int inner, TestMemory actual, double start, Func<double, double, double> step)
    {
        for (int line = 0; line < outer * inner; line++)
        {
            double running = start;
            Assert.Equal(Line(x, length, inner, line).Select(next => (double)(float)(running = step(running, next))), Line(actual, length, inner, line));
        }
    }

    private static double[] Line(TestMemory x, int length, int inner, int line) => [.. Enumerable.Range(0, length).Select(row => (double)x[((((long)(line / inner) * length) + row) * inner) + (line % inner)])];

    private static void Each(TestMemory x, int outer, int length, int inner, TestMemory actual, string what, double tolerance, Func<double[], double> expected)
    {
        for (int line = 0; line < outer * inner; line++)
        {
            double wanted = expected(Line(x, length, inner, line));
            Assert.True(Math.Abs(wanted - actual[line]) <= tolerance * Math.Max(1, Math.Abs(wanted)), $"{what} of [{outer}, {length}, {inner}]: line {line} is {actual[line]} instead of {wanted}");
        }
    }

    private sealed class FoldBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(61);
            foreach ((int outer, int length, int inner) in Shapes)
            {
                using var x = TestMemory.Random((long)outer * length * inner, random);
                using var y = new TestMemory(outer * inner);
                Reduction<V>.Sum(x.Floats, outer, length, inner, 0.5f, y.Floats);
                Each(x, outer, length, inner, y, "sum", 3e-7 * Math.Sqrt(length + 10), static line => line.Sum() / 2);
                Reduction<V>.Max(x.Floats, outer, length, inner, y.Floats);
                Each(x, outer, length, inner, y, "max", 0, static line => line.Max());
                Reduction<V>.Norm(x.Floats, outer, length, inner, y.Floats);
                Each(x, outer, length, inner, y, "norm", 1e-6, static line => Math.Sqrt(line.Sum(static value => value * value)));
                Places<V>(x, outer, length, inner);
                Products<V>(outer, length, inner, random);
            }
        }

        private static unsafe void Places<V>(TestMemory x, int outer, int length, int inner)
            where V : unmanaged, IVector<V>
        {
            // Few different numbers, so that several are the largest.
            for (int i = 0; i < x.Count; i++)
            {
                x.Span[i] = MathF.Round(x[i]);
            }

            var places = new long[outer * inner];
            fixed (long* target = places)
            {
                Reduction<V>.ArgMax(x.Floats, outer, length, inner, target);
            }

            for (int line = 0; line < places.Length; line++)
            {
                double[] numbers = Line(x, length, inner, line);
                Assert.Equal(Array.IndexOf(numbers, numbers.Max()), places[line]);
            }
        }

        private static void Products<V>(int outer, int length, int inner, Random random)
            where V : unmanaged, IVector<V>
        {
            float[] values = [.. Enumerable.Range(0, outer * length * inner).Select(_ => 1 + ((random.NextSingle() - 0.5f) / MathF.Sqrt(length)))];
            values[values.Length / 2] = 0;
            using var x = new TestMemory(values);
            using var y = new TestMemory(outer * inner);
            using var dy = TestMemory.Random(outer * inner, random);
            using var dx = new TestMemory(values.Length);
            Reduction<V>.Product(x.Floats, outer, length, inner, y.Floats);
            Each(x, outer, length, inner, y, "product", 2e-7 * Math.Sqrt(length + 10), static line => line.Aggregate(1.0, static (a, b) => a * b));
            Reduction<V>.ProductBackward(dy.Floats, x.Floats, outer, length, inner, dx.Floats);
            int zero = values.Length / 2;
            int zeroLine = (zero / (length * inner) * inner) + (zero % inner);
            for (int line = 0; line < outer * inner; line += Math.Max(1, outer * inner / 50))
            {
                double[] numbers = Line(x, length, inner, line);
                double[] slopes = Line(dx, length, inner, line);
                double all = numbers.Where(static value => value != 0).Aggregate(1.0, static (a, b) => a * b);
                for (int i = 0; i < length; i++)
                {
                    double expected = line == zeroLine ? (numbers[i] == 0 ? all : 0) : all / numbers[i];
                    Assert.Equal(expected * dy[line], slopes[i], 1e-4);
                }
            }
        }
    }

    private sealed class AccuracyBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(62);
            foreach ((int outer, int length, int inner) in ((int, int, int)[])[(1, 1_000_000, 1), (3, 1_000_000, 1), (1000, 1000, 1), (1, 1_000_000, 3), (3, 333_333, 2), (1, 250_000, 4), (2, 20_000, 17), (1, 4000, 300), (3, 1000, 333)])
            {
                float[] values = new float[(long)outer * length * inner];
                foreach (ref float value in values.AsSpan())
                {
                    value = 1 + random.NextSingle();
                }

                using var x = new TestMemory(values);
                using var y = new TestMemory(outer * inner);
                Reduction<V>.Sum(x.Floats, outer, length, inner, 1, y.Floats);

                // Half a unit in the last place of the result is 6e-8; the rest is what chains of at most some hundred additions lose.
                Each(x, outer, length, inner, y, "sum", 4e-7, static line => line.Sum());
            }
        }
    }

    private sealed class SoftmaxBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(63);
            foreach ((int outer, int length, int inner) in ((int, int, int)[])[(1, 1, 1), (3, 2, 1), (64, 10, 1), (5, 1000, 1), (2, 50_257, 1), (3, 33, 1), (1, 5, 7), (4, 19, 33), (2, 700, 16), (30, 3, 100)])
            {
                int count = outer * length * inner;
                using var x = TestMemory.Random(count, random, 4);
                using var dy = TestMemory.Random(count, random);
                using var y = new TestMemory(count);
                using var log = new TestMemory(count);
                using var dx = new TestMemory(count);
                using var dLog = new TestMemory(count);
                using var sum = new TestMemory(outer * inner);
                Softmax<V>.Forward(x.Floats, outer, length, inner, y.Floats);
                Softmax<V>.Logarithm(x.Floats, outer, length, inner, log.Floats);
                Softmax<V>.LogSumExp(x.Floats, outer, length, inner, sum.Floats);
                Softmax<V>.Backward(dy.Floats, y.Floats, outer, length, inner, dx.Floats);
                Softmax<V>.LogarithmBackward(dy.Floats, log.Floats, outer, length, inner, dLog.Floats);
                Each(x, outer, length, inner, sum, "log of sum", 2e-6, static line => Log(line));
                for (int line = 0; line < outer * inner; line++)
                {
                    double[] scores = Line(x, length, inner, line);
                    double[] slopes = Line(dy, length, inner, line);
                    double total = Log(scores);
                    double weighted = scores.Zip(slopes, (score, slope) => Math.Exp(score - total) * slope).Sum();
                    (double[] probability, double[] logarithm, double[] slope1, double[] slope2) = (Line(y, length, inner, line), Line(log, length, inner, line), Line(dx, length, inner, line), Line(dLog, length, inner, line));
                    for (int i = 0; i < length; i++)
                    {
                        double p = Math.Exp(scores[i] - total);
                        
                        // A distance of many units has an error of its own that its exponential shows.
                        Assert.Equal(p, probability[i], (2e-6 + (1.5e-7 * Math.Abs(scores[i] - total))) * p);
                        Assert.Equal(scores[i] - total, logarithm[i], 3e-6 * (1 + Math.Abs(total)));
                        Assert.Equal(p * (slopes[i] - weighted), slope1[i], 4e-6);
                        Assert.Equal(slopes[i] - (p * slopes.Sum()), slope2[i], 2e-5 + (6e-7 * Math.Abs(slopes.Sum())));
                    }
                }
            }
        }

        private static double Log(double[] line) => line.Max() + Math.Log(line.Sum(score => Math.Exp(score - line.Max())));
    }

    private sealed unsafe class SpecialBody : Widths.IBody
    {
        private const float Infinity = float.PositiveInfinity;

        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            long* place = stackalloc long[3];

            // The special number in every position of rows and columns of several lengths.
            foreach (int length in (int[])[1, 3, 5, 17, 33, 70])
            {
                for (int at = 0; at < length; at++)
                {
                    foreach (int inner in (int[])[1, 3])
                    {
                        using var x = new TestMemory([.. Enumerable.Range(0, length * inner).Select(static i => (float)-(i % 7))]);
                        using var y = new TestMemory(inner);
                        x.Span[at * inner] = float.NaN;
                        Reduction<V>.Max(x.Floats, 1, length, inner, y.Floats);
                        Assert.True(float.IsNaN(y[0]) && (inner == 1 || float.IsFinite(y[1])));
                        Reduction<V>.ArgMax(x.Floats, 1, length, inner, place);
                        Assert.Equal(at, place[0]);
                        Softmax<V>.LogSumExp(x.Floats, 1, length, inner, y.Floats);
                        Assert.True(float.IsNaN(y[0]) && (inner == 1 || float.IsFinite(y[1])));
                        x.Span[at * inner] = Infinity;
                        Reduction<V>.Max(x.Floats, 1, length, inner, y.Floats);
                        Assert.Equal(Infinity, y[0]);
                        Softmax<V>.LogSumExp(x.Floats, 1, length, inner, y.Floats);
                        Assert.Equal(Infinity, y[0]);
                        using var z = new TestMemory(length * inner);
                        x.Span[at * inner] = -Infinity;
                        Softmax<V>.Forward(x.Floats, 1, length, inner, z.Floats);
                        Assert.True(length == 1 ? float.IsNaN(z[0]) : z[at * inner] == 0);
                        Softmax<V>.Logarithm(x.Floats, 1, length, inner, z.Floats);
                        Assert.True(length == 1 ? float.IsNaN(z[0]) : z[at * inner] == -Infinity);
                    }
                }
            }

            // Infinities of both signs, whose sum is NaN, are no NaN; and one row's NaN stays in its row.
            foreach (int length in (int[])[V.Count, 70, 20_000])
            {
                using var x = TestMemory.Random(3 * length, new Random(length));
                using var y = new TestMemory(3);
                (x.Span[1], x.Span[length - 1], x.Span[length + 2]) = (Infinity, -Infinity, float.NaN);
                Reduction<V>.Max(x.Floats, 3, length, 1, y.Floats);
                Assert.Equal([Infinity, float.NaN, x.Span[(2 * length)..].ToArray().Max()], y.Span.ToArray());
            }

            using var low = new TestMemory([-Infinity, -Infinity, -Infinity]);
            using var sum = new TestMemory(1);
            Softmax<V>.LogSumExp(low.Floats, 1, 3, 1, sum.Floats);
            Assert.Equal(-Infinity, sum[0]);
            long first = -1;
            Reduction<V>.ArgMax(low.Floats, 1, 3, 1, &first);
            Assert.Equal(0, first);
            using var sums = new TestMemory(2);
            Reduction<V>.Sum(low.Floats, 1, 0, 2, 1, sums.Floats);
            Assert.Equal([0f, 0f], sums.Span.ToArray());
        }
    }
}
