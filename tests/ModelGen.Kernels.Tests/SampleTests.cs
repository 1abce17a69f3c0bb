namespace ModelGen.Kernels.Tests;

/// <summary>Group normalisation, padding, resampling, indexing and integers against plain loops in float64.</summary>
public sealed class SampleTests
{
    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void GroupNorm(int bits) => Widths.Run(bits, new GroupBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void PaddingAndResampling_HaveTransposedGradients(int bits) => Widths.Run(bits, new LinearBody());

    private static void Near(Func<int, double> expected, TestMemory actual, string what, double tolerance)
    {
        for (int i = 0; i < actual.Count; i++)
        {
            Assert.True(Math.Abs(expected(i) - actual[i]) <= tolerance * (1 + Math.Abs(expected(i))), $"{what}[{i}] is {actual[i]} instead of {expected(i)}");
        }
    }

    private sealed class GroupBody : Widths.IBody
    {
        private const double Epsilon = 1e-3;

        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(71);
            foreach ((int samples, int places, int channels, int groups, float offset) in ((int, int, int, int, float)[])[(1, 1, 2, 1, 0), (3, 5, 6, 2, 0), (2, 300, 17, 17, 5), (1, 1000, 32, 32, 0), (5, 64, 48, 8, 1000), (2, 257, 40, 1, -3), (1, 9001, 34, 17, 1), (2, 1025, 192, 8, 2), (3, 515, 264, 11, 1)])
            {
                int count = samples * places * channels;
                using var x = TestMemory.Random(count, random);
                foreach (ref float value in x.Span)
                {
                    value += offset;
                }

                using var dy = TestMemory.Random(count, random);
                using var weight = TestMemory.Random(channels, random);
                using var bias = TestMemory.Random(channels, random);
                using var y = new TestMemory(count);
                using var dx = new TestMemory(count);
                using var dw = new TestMemory(channels);
                using var db = new TestMemory(channels);
                GroupNorm<V>.Forward(x.Floats, samples, places, channels, groups, weight.Floats, bias.Floats, (float)Epsilon, y.Floats);
                GroupNorm<V>.Backward(dy.Floats, x.Floats, samples, places, channels, groups, weight.Floats, (float)Epsilon, dx.Floats, dw.Floats, db.Floats);
                Check(x, dy, weight, bias, (samples, places, channels, groups), y, dx, dw, db, offset > 100 ? 1e-3 : 3e-5);
                using var ones = new TestMemory([.. Enumerable.Repeat(1f, channels)]);
                using var zeros = new TestMemory(new float[channels]);
                GroupNorm<V>.Forward(x.Floats, samples, places, channels, groups, default, default, (float)Epsilon, y.Floats);
                GroupNorm<V>.Backward(dy.Floats, x.Floats, samples, places, channels, groups, default, (float)Epsilon, dx.Floats, default, default);
                Check(x, dy, ones, zeros, (samples, places, channels, groups), y, dx, null, null, offset > 100 ? 1e-3 : 3e-5);
            }

            using var special = TestMemory.Random(60, random);
            special.Span[7] = float.NaN;
            using var result = new TestMemory(60);
            GroupNorm<V>.Forward(special.Floats, 1, 10, 6, 3, default, default, 1e-5f, result.Floats);
            Assert.All(Enumerable.Range(0, 60), i => Assert.Equal(i % 6 < 2, float.IsNaN(result[i])));
        }

        private static void Check(
            TestMemory x, TestMemory dy, TestMemory weight, TestMemory bias, (int Samples, int Places, int Channels, int Groups) size, TestMemory y, TestMemory dx, TestMemory? dw, TestMemory? db, double tolerance)
        {
            (int places, int channels) = (size.Places, size.Channels);
            int width = channels / size.Groups;
            double count = (double)width * places;
            int Group(int i) => (i / (places * channels) * size.Groups) + (i % channels / width);
            double[] mean = new double[size.Samples * size.Groups], variance = new double[mean.Length], slope = new double[mean.Length], product = new double[mean.Length];
            double[] scale = new double[channels], shift = new double[channels];
            double Normal(int i) => (x[i] - mean[Group(i)]) / Math.Sqrt(variance[Group(i)] + Epsilon);
            for (int i = 0; i < x.Count; i++)
            {
                mean[Group(i)] += x[i] / count;
            }

            for (int i = 0; i < x.Count; i++)
            {
                variance[Group(i)] += Math.Pow(x[i] - mean[Group(i)], 2) / count;
            }

            for (int i = 0; i < x.Count; i++)
            {
                slope[Group(i)] += dy[i] * weight[i % channels] / count;
                product[Group(i)] += dy[i] * weight[i % channels] * Normal(i) / count;
                scale[i % channels] += dy[i] * Normal(i);
                shift[i % channels] += dy[i];
            }

            Near(i => (Normal(i) * weight[i % channels]) + bias[i % channels], y, "y", tolerance);
            Near(i => ((dy[i] * weight[i % channels]) - slope[Group(i)] - (Normal(i) * product[Group(i)])) / Math.Sqrt(variance[Group(i)] + Epsilon), dx, "dx", tolerance);
            if (dw is not null && db is not null)
            {
                Near(i => scale[i], dw, "dw", tolerance);
                Near(i => shift[i], db, "db", tolerance);
            }
        }
    }

    private sealed class LinearBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(72);
            foreach ((int outer, int length, int inner) in ((int, int, int)[])[(1, 4, 1), (2, 5, 3), (3, 7, 16), (1, 9, 33), (2, 6, 300)])
            {
                for (int mode = 0; mode < 3; mode++)
                {
                    (int before, int after, int kind) = (2, 3, mode);
                    Transposed(outer, length, inner, before + length + after, random,
                        (x, y) => Padding<V>.Forward(x, outer, length, inner, before, after, kind, y), (dy, dx) => Padding<V>.Backward(dy, outer, length, inner, before, after, kind, dx));
                }

                foreach (int size in (int[])[1, 3, 2 * length, 11])
                {
                    for (int mode = 0; mode < 4; mode++)
                    {
                        (int kind, bool align) = (mode, mode >= 2 && size % 2 == 1);
                        Transposed(outer, length, inner, size, random,
                            (x, y) => Resampling<V>.Forward(x, outer, length, inner, size, kind, 0, align, y), (dy, dx) => Resampling<V>.Backward(dy, outer, length, inner, size, kind, 0, align, dx));
                    }
                }
            }

            // Two dimensions at once are one after the other, bit for bit.
            foreach ((int outer, int height, int width, int inner) in ((int, int, int, int)[])[(1, 1, 1, 1), (2, 4, 5, 3), (3, 7, 6, 16), (1, 5, 9, 33), (2, 3, 2, 600)])
            {
                using var x = TestMemory.Random(outer * height * width * inner, random);
                for (int mode = 0; mode < 16; mode++)
                {
                    Together<V>(x, outer, height, width, inner, height + 3, (2 * width) - 1, mode / 4, mode % 4);
                    Together<V>(x, outer, height, width, inner, 2 * height, 2 * width, mode / 4, mode % 4);
                }
            }

            // A line stays a line, and doubling by the nearest repeats.
            using var line = new TestMemory([0, 1, 2, 3]);
            using var fine = new TestMemory(7);
            Resampling<V>.Forward(line.Floats, 1, 4, 1, 7, Resampling<V>.Linear, 0, true, fine.Floats);
            Near(static i => i * 0.5, fine, "line", 1e-6);
            using var twice = new TestMemory(8);
            Resampling<V>.Forward(line.Floats, 1, 4, 1, 8, Resampling<V>.Nearest, 0, false, twice.Floats);
            Near(static i => i / 2, twice, "twice", 0);
            using var padded = new TestMemory(8);
            Padding<V>.Forward(line.Floats, 1, 4, 1, 2, 2, Padding<V>.Reflect, padded.Floats);
            Assert.Equal([2f, 1, 0, 1, 2, 3, 2, 1], padded.Span.ToArray());
        }

        /// <summary>Compares both ways of resampling two dimensions.</summary>
        private static void Together<V>(TestMemory x, int outer, int height, int width, int inner, int newHeight, int newWidth, int first, int second)
            where V : unmanaged, IVector<V>
        {
            using var between = new TestMemory(outer * newHeight * width * inner);
            using var expected = new TestMemory(outer * newHeight * newWidth * inner);
            using var actual = new TestMemory(expected.Count);
            Resampling<V>.Forward(x.Floats, outer, height, width * inner, newHeight, first, 0, first == Resampling<V>.Linear, between.Floats);
            Resampling<V>.Forward(between.Floats, outer * newHeight, width, inner, newWidth, second, 0, false, expected.Floats);
            Resampling<V>.Forward(x.Floats, outer, height, width, inner, newHeight, first, 0, first == Resampling<V>.Linear, newWidth, second, 0, false, actual.Floats);
            Assert.True(expected.Span.SequenceEqual(actual.Span), $"modes {first} and {second} of [{outer}, {height}, {width}, {inner}]");
        }

        /// <summary>The gradient of a linear map is its transpose: both give the same product of a result and a gradient.</summary>
        private static void Transposed(int outer, int length, int inner, int size, Random random, Action<Floats, Floats> forward, Action<Floats, Floats> backward)
        {
            using var x = TestMemory.Random(outer * length * inner, random);
            using var y = new TestMemory(outer * size * inner);
            using var dy = TestMemory.Random(y.Count, random);
            using var dx = new TestMemory(x.Count);
            forward(x.Floats, y.Floats);
            backward(dy.Floats, dx.Floats);
            double Product(TestMemory a, TestMemory b) => Enumerable.Range(0, (int)a.Count).Sum(i => (double)a[i] * b[i]);
            Assert.Equal(Product(y, dy), Product(x, dx), 1e-5 * (10 + y.Count));
        }
    }
}
