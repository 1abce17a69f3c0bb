namespace ModelGen.Kernels.Tests;

/// <summary>Normalisations and their gradients against formulas in float64.</summary>
public sealed class NormalizationTests
{
    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void BatchNorm(int bits) => Widths.Run(bits, new BatchBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void LayerNorm(int bits) => Widths.Run(bits, new LayerBody());

    /// <summary>Normalises groups of numbers and their gradients; group(i) and channel(i) of element i.</summary>
    private static (double[] Y, double[] Dx, double[] DWeight, double[] DBias, double[] Mean, double[] Variance) Reference(
        TestMemory x, TestMemory dy, TestMemory weight, TestMemory bias, int groups, int channels, Func<int, int> group, Func<int, int> channel, double epsilon)
    {
        int count = (int)x.Count;
        double[] mean = new double[groups], variance = new double[groups], averageG = new double[groups], averageP = new double[groups];
        double[] y = new double[count], dx = new double[count], dw = new double[channels], db = new double[channels];
        double size = (double)count / groups;
        for (int i = 0; i < count; i++)
        {
            mean[group(i)] += x[i] / size;
        }

        for (int i = 0; i < count; i++)
        {
            variance[group(i)] += Math.Pow(x[i] - mean[group(i)], 2) / size;
        }

        double Normal(int i) => (x[i] - mean[group(i)]) / Math.Sqrt(variance[group(i)] + epsilon);
        for (int i = 0; i < count; i++)
        {
            y[i] = (Normal(i) * weight[channel(i)]) + bias[channel(i)];
            dw[channel(i)] += dy[i] * Normal(i);
            db[channel(i)] += dy[i];
            averageG[group(i)] += dy[i] * weight[channel(i)] / size;
            averageP[group(i)] += dy[i] * weight[channel(i)] * Normal(i) / size;
        }

        for (int i = 0; i < count; i++)
        {
            dx[i] = ((dy[i] * weight[channel(i)]) - averageG[group(i)] - (Normal(i) * averageP[group(i)])) / Math.Sqrt(variance[group(i)] + epsilon);
        }

        return (y, dx, dw, db, mean, variance);
    }

    private static void Near(double[] expected, TestMemory actual, string what, double tolerance = 2e-5)
    {
        double size = 1 + expected.Max(Math.Abs);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * size, $"{what}[{i}] is {actual[i]} instead of {expected[i]}");
        }
    }

    private readonly struct Relu : ITileEpilogue
    {
        public void Run(Floats tile, nint stride, nint row, nint rows, nint column, nint columns)
        {
            for (nint i = 0; i < rows; i++)
            {
                for (nint j = 0; j < columns; j++)
                {
                    tile[(i * stride) + j] = MathF.Max(0, tile[(i * stride) + j]);
                }
            }
        }
    }

    private sealed class BatchBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(51);
            foreach ((int rows, int channels, double offset) in ((int, int, double)[])[(2, 1, 0), (5, 3, 0), (64, 10, 100), (33, 64, 0), (4000, 17, 3), (700, 130, 0), (300, 16, 3000)])
            {
                using var x = TestMemory.Random(rows * channels, random);
                foreach (ref float value in x.Span)
                {
                    value += (float)offset;
                }

                using var dy = TestMemory.Random(rows * channels, random);
                using var weight = TestMemory.Random(channels, random);
                using var bias = TestMemory.Random(channels, random);
                using var runningMean = TestMemory.Random(channels, random);
                using var runningVariance = new TestMemory([.. Enumerable.Range(0, channels).Select(_ => 1 + random.NextSingle())]);
                (float[] meanBefore, float[] varianceBefore) = (runningMean.Span.ToArray(), runningVariance.Span.ToArray());
                using var y = new TestMemory(rows * channels);
                using var mean = new TestMemory(channels);
                using var reciprocal = new TestMemory(channels);
                using var dx = new TestMemory(rows * channels);
                using var dw = new TestMemory(channels);
                using var db = new TestMemory(channels);
                const float Epsilon = 1e-3f;
                int padded = (channels + 15) / 16 * 16;
                using var statistics = new TestMemory(2 * padded);
                using var numbers = new TestMemory(3 * padded);
                using var slopes = new TestMemory(2 * padded);
                BatchNorm<V>.Measure(x.Floats, rows, channels, statistics.Floats);
                BatchNorm<V>.Settle(statistics.Floats, rows, channels, weight.Floats, bias.Floats, 0.1f, Epsilon, runningMean.Floats, runningVariance.Floats, mean.Floats, reciprocal.Floats, numbers.Floats);
                var normal = BatchNormal.Plain(numbers.Floats, channels);
                BatchNorm<V>.Apply(x.Floats, rows, channels, normal, y.Floats);
                BatchNorm<V>.Slopes(dy.Floats, x.Floats, rows, channels, normal, slopes.Floats);
                BatchNorm<V>.Backward(dy.Floats, x.Floats, rows, channels, normal, reciprocal.Floats, slopes.Floats, dx.Floats, dw.Floats, db.Floats);
                var expected = Reference(x, dy, weight, bias, channels, channels, i => i % channels, i => i % channels, Epsilon);
                double tolerance = offset > 1000 ? 5e-4 : 2e-5;
                Near(expected.Y, y, "y", tolerance);
                Near(expected.Dx, dx, "dx", tolerance);
                Near(expected.DWeight, dw, "dw", tolerance);
                Near(expected.DBias, db, "db");
                Near(expected.Mean, mean, "mean", 1e-6);
                Near([.. expected.Mean.Select((value, c) => (0.9 * meanBefore[c]) + (0.1 * value))], runningMean, "running mean", 1e-6);
                Near([.. expected.Variance.Select((value, c) => (0.9 * varianceBefore[c]) + (0.1 * value * rows / (rows - 1)))], runningVariance, "running variance", tolerance);

                Activations<V>(x, dy, rows, channels, numbers, reciprocal, tolerance);

                BatchNorm<V>.Settle(statistics.Floats, rows, channels, default, default, 0.1f, Epsilon, default, default, mean.Floats, reciprocal.Floats, numbers.Floats);
                BatchNorm<V>.Apply(x.Floats, rows, channels, normal, y.Floats, new Relu());
                using var ones = new TestMemory([.. Enumerable.Repeat(1f, channels)]);
                using var zeros = new TestMemory(new float[channels]);
                BatchNorm<V>.Slopes(dy.Floats, x.Floats, rows, channels, normal, slopes.Floats);
                dy.Span.CopyTo(dx.Span);
                BatchNorm<V>.Backward(dx.Floats, x.Floats, rows, channels, normal, reciprocal.Floats, slopes.Floats, dx.Floats, default, default);
                expected = Reference(x, dy, ones, zeros, channels, channels, i => i % channels, i => i % channels, Epsilon);
                Near([.. expected.Y.Select(static value => Math.Max(0, value))], y, "relu", tolerance);
                Near(expected.Dx, dx, "dx without weight", tolerance);
            }

            using var special = TestMemory.Random(40, random);
            special.Span[4] = float.NaN;
            using var result = new TestMemory(40);
            using var center = new TestMemory(4);
            using var scale = new TestMemory(4);
            using var measured = new TestMemory(32);
            using var settled = new TestMemory(48);
            BatchNorm<V>.Measure(special.Floats, 10, 4, measured.Floats);
            BatchNorm<V>.Settle(measured.Floats, 10, 4, default, default, 0.1f, 1e-5f, default, default, center.Floats, scale.Floats, settled.Floats);
            BatchNorm<V>.Apply(special.Floats, 10, 4, BatchNormal.Clamp(settled.Floats, 4, -1, 1), result.Floats);
            Assert.All(Enumerable.Range(0, 40), i => Assert.Equal(i % 4 == 0, float.IsNaN(result[i])));
        }

        /// <summary>With an activation: its results, and gradients as without one of gradients that the activation has masked.</summary>
        private static void Activations<V>(TestMemory x, TestMemory dy, int rows, int channels, TestMemory numbers, TestMemory reciprocal, double tolerance)
            where V : unmanaged, IVector<V>
        {
            var plain = BatchNormal.Plain(numbers.Floats, channels);
            using var linear = new TestMemory(rows * channels);
            BatchNorm<V>.Apply(x.Floats, rows, channels, plain, linear.Floats);
            foreach ((BatchNormal normal, Func<float, float> activation, Func<float, bool> passes) in ((BatchNormal, Func<float, float>, Func<float, bool>)[])
                [
                    (BatchNormal.Relu(numbers.Floats, channels), static y => MathF.Max(0, y), static y => y > 0),
                    (BatchNormal.Clamp(numbers.Floats, channels, -0.5f, 0.75f), static y => Math.Clamp(y, -0.5f, 0.75f), static y => y is >= -0.5f and <= 0.75f),
                ])
            {
                using var y = new TestMemory(rows * channels);
                BatchNorm<V>.Apply(x.Floats, rows, channels, normal, y.Floats);
                using var masked = new TestMemory([.. Enumerable.Range(0, rows * channels).Select(i => passes(linear[i]) ? dy[i] : 0)]);
                Assert.Equal([.. Enumerable.Range(0, rows * channels).Select(i => activation(linear[i]))], y.Span.ToArray());
                (TestMemory dx, TestMemory dw, TestMemory db) = Gradients<V>(x, masked, rows, channels, plain, reciprocal);
                (TestMemory dx2, TestMemory dw2, TestMemory db2) = Gradients<V>(x, dy, rows, channels, normal, reciprocal);
                Near([.. dx.Span.ToArray().Select(static value => (double)value)], dx2, "dx", tolerance);
                Near([.. dw.Span.ToArray().Select(static value => (double)value)], dw2, "dw", tolerance);
                Near([.. db.Span.ToArray().Select(static value => (double)value)], db2, "db", tolerance);
                Array.ForEach([dx, dw, db, dx2, dw2, db2], static memory => memory.Dispose());
            }
        }

        private static (TestMemory Dx, TestMemory DWeight, TestMemory DBias) Gradients<V>(TestMemory x, TestMemory dy, int rows, int channels, BatchNormal normal, TestMemory reciprocal)
            where V : unmanaged, IVector<V>
        {
            using var slopes = new TestMemory(2 * ((channels + 15) / 16 * 16));
            (TestMemory dx, TestMemory dw, TestMemory db) = (new TestMemory(rows * channels), new TestMemory(channels), new TestMemory(channels));
            BatchNorm<V>.Slopes(dy.Floats, x.Floats, rows, channels, normal, slopes.Floats);
            BatchNorm<V>.Backward(dy.Floats, x.Floats, rows, channels, normal, reciprocal.Floats, slopes.Floats, dx.Floats, dw.Floats, db.Floats);
            return (dx, dw, db);
        }
    }

    private sealed class LayerBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(52);
            foreach ((int rows, int width) in ((int, int)[])[(1, 1), (3, 2), (5, 16), (64, 33), (700, 128), (40, 300), (2, 5000)])
            {
                using var x = TestMemory.Random(rows * width, random);
                using var dy = TestMemory.Random(rows * width, random);
                using var weight = TestMemory.Random(width, random);
                using var bias = TestMemory.Random(width, random);
                using var y = new TestMemory(rows * width);
                using var dx = new TestMemory(rows * width);
                using var dw = new TestMemory(width);
                using var db = new TestMemory(width);
                LayerNorm<V>.Forward(x.Floats, rows, width, weight.Floats, bias.Floats, 1e-3f, y.Floats);
                LayerNorm<V>.Backward(dy.Floats, x.Floats, rows, width, weight.Floats, 1e-3f, dx.Floats, dw.Floats, db.Floats);
                var expected = Reference(x, dy, weight, bias, rows, width, i => i / width, i => i % width, 1e-3f);
                Near(expected.Y, y, "y");
                Near(expected.Dx, dx, "dx");
                Near(expected.DWeight, dw, "dw");
                Near(expected.DBias, db, "db");
                LayerNorm<V>.Forward(x.Floats, rows, width, default, default, 1e-3f, y.Floats);
                using var ones = new TestMemory([.. Enumerable.Repeat(1f, width)]);
                using var zeros = new TestMemory(new float[width]);
                Near(Reference(x, dy, ones, zeros, rows, width, i => i / width, i => i % width, 1e-3f).Y, y, "y without weight");
            }
        }
    }
}
