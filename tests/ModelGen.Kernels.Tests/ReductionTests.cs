namespace ModelGen.Kernels.Tests;

/// <summary>Sums, cross-entropy, embeddings and copies against loops in float64.</summary>
public sealed class ReductionTests
{
    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void Sums(int bits) => Widths.Run(bits, new SumBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void CrossEntropy(int bits) => Widths.Run(bits, new LossBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void Embedding(int bits) => Widths.Run(bits, new EmbeddingBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void Copies(int bits) => Widths.Run(bits, new CopyBody());

    private sealed class SumBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(41);
            (int, int, int)[] shapes = [(1, 1, 1), (1, 0, 3), (3, 0, 1), (1, 100_003, 1), (7, 33, 1), (1, 700, 5), (1, 2048, 130), (1, 3000, 64), (5, 9, 17), (40, 31, 33), (1, 1, 4096), (2, 40_000, 1)];
            foreach ((int outer, int length, int inner) in shapes)
            {
                using var x = TestMemory.Random((long)outer * length * inner, random);
                using var y = new TestMemory((long)outer * inner);
                Reduction<V>.Sum(x.Floats, outer, length, inner, 0.5f, y.Floats);
                for (int o = 0; o < outer; o++)
                {
                    for (int i = 0; i < inner; i++)
                    {
                        double sum = 0;
                        for (int l = 0; l < length; l++)
                        {
                            sum += x[((((long)o * length) + l) * inner) + i];
                        }

                        Assert.Equal(sum * 0.5, y[(o * inner) + i], 1e-6 * Math.Sqrt(length + 1));
                    }
                }
            }

            // Numbers of one sign: a single chain of additions would lose digits.
            foreach ((int outer, int length, int inner) in ((int, int, int)[])[(2, 300_000, 1), (2, 300_000, 3)])
            {
                float[] values = [.. Enumerable.Range(0, outer * length * inner).Select(_ => 1 + random.NextSingle())];
                using var x = new TestMemory(values);
                using var y = new TestMemory((long)outer * inner);
                Reduction<V>.Sum(x.Floats, outer, length, inner, 1, y.Floats);
                for (int i = 0; i < inner; i++)
                {
                    double sum = 0;
                    for (int l = 0; l < length; l++)
                    {
                        sum += values[(l * inner) + i];
                    }

                    Assert.Equal(1, y[i] / sum, 5e-6);
                }
            }

            using var special = new TestMemory([1, 2, float.NaN, 4, 5, 6]);
            using var sums = new TestMemory(2);
            Reduction<V>.Sum(special.Floats, 2, 3, 1, 1, sums.Floats);
            Assert.True(float.IsNaN(sums[0]));
            Assert.Equal(15, sums[1]);
        }
    }

    private sealed unsafe class LossBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(42);
            foreach ((int rows, int classes) in ((int, int)[])[(1, 1), (3, 2), (64, 10), (50, 96), (7, 1000), (300, 17)])
            {
                foreach (float smoothing in (float[])[0, 0.1f])
                {
                    using var scores = TestMemory.Random(rows * classes, random, 3);
                    using var slope = new TestMemory(rows * classes);
                    using var loss = new TestMemory(1);
                    long[] targets = [.. Enumerable.Range(0, rows).Select(row => row == 1 ? -100L : random.Next(classes))];
                    nint bad;
                    fixed (long* place = targets)
                    {
                        bad = CrossEntropy<V>.Run(scores.Floats, place, rows, classes, smoothing, loss.Floats, slope.Floats);
                    }

                    Assert.Equal(-1, bad);
                    int counted = targets.Count(static target => target >= 0);
                    double total = 0;
                    for (int row = 0; row < rows; row++)
                    {
                        double[] line = [.. Enumerable.Range(0, classes).Select(c => (double)scores[(row * classes) + c])];
                        double log = line.Max() + Math.Log(line.Sum(score => Math.Exp(score - line.Max())));
                        for (int c = 0; c < classes; c++)
                        {
                            double wanted = (smoothing / classes) + (c == targets[row] ? 1 - smoothing : 0);
                            double expected = targets[row] < 0 ? 0 : (Math.Exp(line[c] - log) - wanted) / counted;
                            Assert.Equal(expected, slope[(row * classes) + c], 2e-6);
                            total += targets[row] < 0 ? 0 : wanted * (log - line[c]);
                        }
                    }

                    Assert.Equal(total / counted, loss[0], 1e-5 * (1 + (total / counted)));
                }
            }

            using var few = TestMemory.Random(6, random);
            using var result = new TestMemory(6);
            using var mean = new TestMemory([1]);
            fixed (long* place = (long[])[1, 3])
            {
                Assert.Equal(1, CrossEntropy<V>.Run(few.Floats, place, 2, 3, 0, mean.Floats, result.Floats));
                Assert.Equal(1, mean[0]);
            }

            fixed (long* place = (long[])[-100, -100])
            {
                Assert.Equal(-1, CrossEntropy<V>.Run(few.Floats, place, 2, 3, 0, mean.Floats, result.Floats));
                Assert.True(float.IsNaN(mean[0]));
            }

            few.Span[1] = float.NaN;
            few.Span[5] = float.NegativeInfinity;
            fixed (long* place = (long[])[0, 0])
            {
                _ = CrossEntropy<V>.Run(few.Floats, place, 2, 3, 0, mean.Floats, result.Floats);
                Assert.True(float.IsNaN(mean[0]) && float.IsNaN(result[0]) && float.IsFinite(result[3]));
            }
        }
    }

    private sealed unsafe class EmbeddingBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(43);
            foreach ((int vocabulary, int width, int count) in ((int, int, int)[])[(1, 1, 1), (5, 3, 9), (30, 16, 100), (40, 8, 5000), (20, 7, 33), (20, 40, 65), (50, 130, 2000), (7, 33, 0)])
            {
                using var table = TestMemory.Random(vocabulary * width, random);
                using var y = new TestMemory(count * width);
                using var dy = TestMemory.Random(count * width, random);
                using var dTable = new TestMemory(vocabulary * width);
                long[] indices = [.. Enumerable.Range(0, count).Select(_ => (long)random.Next(vocabulary)), 0];
                int padding = vocabulary > 6 ? 2 : -1;
                fixed (long* place = indices)
                {
                    Assert.Equal(-1, Embedding<V>.Forward(table.Floats, vocabulary, width, place, count, y.Floats));
                    Embedding<V>.Backward(dy.Floats, vocabulary, width, place, count, padding, dTable.Floats);
                }

                double[] expected = new double[vocabulary * width];
                for (int i = 0; i < count * width; i++)
                {
                    int at = ((int)indices[i / width] * width) + (i % width);
                    Assert.Equal(table[at], y[i]);
                    expected[at] += indices[i / width] == padding ? 0 : dy[i];
                }

                for (int i = 0; i < expected.Length; i++)
                {
                    Assert.Equal(expected[i], dTable[i], 1e-4);
                }
            }

            using var rows = new TestMemory([1, 2, 3]);
            using var copied = new TestMemory([7, 7, 7]);
            fixed (long* place = (long[])[0, 3, -1])
            {
                Assert.Equal(1, Embedding<V>.Forward(rows.Floats, 3, 1, place, 3, copied.Floats));
                Assert.Equal(2, Embedding<V>.Forward(rows.Floats, 4, 1, place, 3, copied.Floats));
            }

            Assert.Equal(7, copied[0]);
            long[] many = new long[37];
            fixed (long* place = many)
            {
                for (int i = 0; i < many.Length; i++)
                {
                    foreach (long outside in (long[])[-1, 5, long.MinValue, long.MaxValue])
                    {
                        many[i] = outside;
                        Assert.Equal(i, Indexing.Outside(place, many.Length, 5));
                    }

                    many[i] = i % 5;
                }

                Assert.Equal(-1, Indexing.Outside(place, many.Length, 5));
            }
        }
    }

    private sealed class CopyBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(44);
            for (int i = 0; i < 300; i++)
            {
                int rank = 1 + random.Next(5);
                nint[] sizes = [.. Enumerable.Range(0, rank).Select(_ => (nint)(random.Next(6) == 0 ? 1 : 1 + random.Next(rank < 3 ? 90 : 20)))];

                // The source lies densely in another order, or repeats.
                int[] order = [.. Enumerable.Range(0, rank).OrderBy(_ => random.Next())];
                var from = new nint[rank];
                nint count = 1;
                foreach (int axis in order.Reverse())
                {
                    bool repeats = random.Next(8) == 0;
                    from[axis] = repeats ? 0 : count;
                    count *= repeats ? 1 : sizes[axis];
                }

                // The target is a part of something larger, sometimes.
                var to = new nint[rank];
                nint total = 1;
                for (int axis = rank - 1; axis >= 0; axis--)
                {
                    to[axis] = total;
                    total *= sizes[axis] + (random.Next(5) == 0 ? 1 : 0);
                }

                using var source = TestMemory.Random(count, random);
                using var target = new TestMemory(total);
                Movement<V>.Copy(source.Floats, target.Floats, sizes, from, to);
                var expected = new float[total];
                Array.Fill(expected, float.NaN);
                var index = new nint[rank];
                nint elements = sizes.Aggregate((nint)1, static (product, size) => product * size);
                for (nint element = 0; element < elements; element++)
                {
                    nint rest = element;
                    for (int axis = rank - 1; axis >= 0; axis--)
                    {
                        index[axis] = rest % sizes[axis];
                        rest /= sizes[axis];
                    }

                    expected[index.Zip(to, static (a, b) => a * b).Aggregate(static (a, b) => a + b)] = source[index.Zip(from, static (a, b) => a * b).Aggregate(static (a, b) => a + b)];
                }

                Assert.Equal(expected, target.Span.ToArray());
            }

            // Weights of convolutions, [outputs][inputs][taps] to [taps][inputs][outputs] and back.
            foreach ((int outputs, int inputs, int taps) in ((int, int, int)[])[(64, 64, 9), (17, 5, 9), (16, 3, 49), (40, 7, 4), (9, 20, 25), (130, 33, 9)])
            {
                using var module = TestMemory.Random(outputs * inputs * taps, random);
                using var kernel = new TestMemory(module.Count);
                using var back = new TestMemory(module.Count);
                Movement<V>.Copy(module.Floats, kernel.Floats, [taps, inputs, outputs], [1, taps, taps * inputs], [inputs * outputs, outputs, 1]);
                Movement<V>.Copy(kernel.Floats, back.Floats, [outputs, inputs, taps], [1, outputs, outputs * inputs], [inputs * taps, taps, 1]);
                Assert.Equal(module.Span.ToArray(), back.Span.ToArray());
                Assert.All(Enumerable.Range(0, (int)module.Count), i => Assert.Equal(module[i], kernel[(((i % taps * inputs) + (i / taps % inputs)) * outputs) + (i / taps / inputs)]));
            }

            using var filled = new TestMemory(3000);
            Movement<V>.Fill(filled.Floats, 2999, 3);
            Assert.True(filled.Span[..2999].IndexOfAnyExcept(3) < 0 && float.IsNaN(filled[2999]));
        }
    }
}
