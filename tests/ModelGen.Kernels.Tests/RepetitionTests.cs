namespace ModelGen.Kernels.Tests;

/// <summary>Kernels give the same bits again and again with two workers, on sizes that are no multiple of a register; and cross-entropy over the vocabulary of a language model.</summary>
[Collection(nameof(WorkersTests))]
public sealed unsafe class RepetitionTests : IDisposable
{
    private readonly int before = Workers.Count;

    public RepetitionTests() => Workers.Count = 2;

    public void Dispose() => Workers.Count = before;

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void TwoWorkers_GiveTheSameBits(int bits) => Widths.Run(bits, new RepetitionBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void SumsAndEmbeddings_DoNotDependOnTheNumberOfWorkers(int bits) => Widths.Run(bits, new WorkersBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void CrossEntropy_OfALargeVocabulary(int bits) => Widths.Run(bits, new VocabularyBody());

    private static void Repeated(string what, Action kernel, params TestMemory[] results)
    {
        kernel();
        float[][] first = [.. results.Select(static memory => memory.Span.ToArray())];
        for (int i = 0; i < 5; i++)
        {
            foreach (TestMemory memory in results)
            {
                memory.Span.Fill(float.NaN);
            }

            kernel();
            Assert.All(results.Zip(first), pair => Assert.True(pair.First.Span.SequenceEqual(pair.Second), what));
        }
    }

    private sealed class RepetitionBody : Widths.IBody
    {
        private const int Rows = 301;
        private const int Columns = 157;

        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(81);
            using var x = TestMemory.Random(Rows * Columns, random);
            using var dy = TestMemory.Random(Rows * Columns, random);
            using var weight = TestMemory.Random(Columns, random);
            using var y = new TestMemory(Rows * Columns);
            using var dx = new TestMemory(Rows * Columns);
            using var a = new TestMemory(Columns);
            using var b = new TestMemory(Columns);
            using var one = new TestMemory(1);
            long[] targets = [.. Enumerable.Range(0, Rows).Select(_ => (long)random.Next(Columns))];
            const int Padded = (Columns + 15) / 16 * 16;
            using var statistics = new TestMemory(2 * Padded);
            using var numbers = new TestMemory(3 * Padded);
            using var slopes = new TestMemory(2 * Padded);
            using var dw = new TestMemory(Columns);
            using var db = new TestMemory(Columns);
            var normal = BatchNormal.Plain(numbers.Floats, Columns);
            void Normalise()
            {
                BatchNorm<V>.Measure(x.Floats, Rows, Columns, statistics.Floats);
                BatchNorm<V>.Settle(statistics.Floats, Rows, Columns, weight.Floats, weight.Floats, 0.1f, 1e-5f, default, default, a.Floats, b.Floats, numbers.Floats);
                BatchNorm<V>.Apply(x.Floats, Rows, Columns, normal, y.Floats);
            }

            void Differentiate()
            {
                BatchNorm<V>.Slopes(dy.Floats, x.Floats, Rows, Columns, normal, slopes.Floats);
                BatchNorm<V>.Backward(dy.Floats, x.Floats, Rows, Columns, normal, b.Floats, slopes.Floats, dx.Floats, dw.Floats, db.Floats);
            }

            Repeated("batch norm", Normalise, y, a, b);
            Repeated("batch norm's gradient", Differentiate, dx, dw, db);
            Repeated("layer norm", () => LayerNorm<V>.Forward(x.Floats, Rows, Columns, weight.Floats, weight.Floats, 1e-5f, y.Floats), y);
            Repeated("layer norm's gradient", () => LayerNorm<V>.Backward(dy.Floats, x.Floats, Rows, Columns, weight.Floats, 1e-5f, dx.Floats, dw.Floats, db.Floats), dx, dw, db);
            Repeated("group norm", () => GroupNorm<V>.Forward(x.Floats, 1, Rows, Columns, 1, weight.Floats, weight.Floats, 1e-5f, y.Floats), y);
            Repeated("group norm's gradient", () => GroupNorm<V>.Backward(dy.Floats, x.Floats, 1, Rows, Columns, Columns, weight.Floats, 1e-5f, dx.Floats, dw.Floats, db.Floats), dx, dw, db);
            Repeated("columns", () => Reduction<V>.Sum(x.Floats, 1, Rows, Columns, 1, a.Floats), a);
            Repeated("row", () => Reduction<V>.Sum(x.Floats, 1, Rows * Columns, 1, 1, one.Floats), one);
            Repeated("softmax", () => Softmax<V>.Forward(x.Floats, Rows, Columns, 1, y.Floats), y);
            Repeated("dropout", () => Dropout<V>.Mask(y.Floats, Rows * Columns, 0.3f, 5, 7), y);
            Repeated("copy", () => Movement<V>.Copy(x.Floats, y.Floats, [Columns, Rows], [1, Columns], [Rows, 1]), y);
            Repeated("cross-entropy", () => Loss<V>(x, targets, one, y), one, y);
            var shape = new PoolShape(1, 43, 7, Columns, 21, 3) { KernelHeight = 3, KernelWidth = 2, StrideY = 2, StrideX = 2, PadTop = 0 };
            Repeated("max pool", () => MaxPool<V>.Backward(shape, x.Floats, dy.Floats, dx.Floats), dx);
            Repeated("average pool", () => AveragePool<V>.Backward(shape, dy.Floats, dx.Floats), dx);
            Optimizers<V>(random);
        }

        private static void Loss<V>(TestMemory x, long[] targets, TestMemory loss, TestMemory slope)
            where V : unmanaged, IVector<V>
        {
            fixed (long* place = targets)
            {
                Assert.Equal(-1, CrossEntropy<V>.Run(x.Floats, place, Rows, Columns, 0.1f, loss.Floats, slope.Floats));
            }
        }

        private static void Optimizers<V>(Random random)
            where V : unmanaged, IVector<V>
        {
            const int Count = 50_003;
            using var start = TestMemory.Random(Count, random);
            using var gradient = TestMemory.Random(Count, random);
            using var p = new TestMemory(Count);
            using var m = new TestMemory(Count);
            using var s = new TestMemory(Count);
            void Reset()
            {
                start.Span.CopyTo(p.Span);
                m.Span.Clear();
                s.Span.Clear();
            }

            Repeated("Adam", () =>
            {
                Reset();
                Adam<V>.Step(p.Floats, gradient.Floats, m.Floats, s.Floats, Count, new AdamSettings(0.01, 0.9, 0.99, 1e-8, 0.1, true, 1));
            }, p, m, s);
        }
    }

    private sealed class WorkersBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(82);
            foreach ((int outer, int length, int inner) in ((int, int, int)[])[(1, 100_003, 1), (3, 40_001, 1), (1, 5003, 17), (2, 3001, 300), (40, 100, 5)])
            {
                using var x = TestMemory.Random((long)outer * length * inner, random);
                Same(outer * inner, y => Reduction<V>.Sum(x.Floats, outer, length, inner, 1, y.Floats));
            }

            // Samples one after the other for few workers are passes over all of them for many.
            foreach ((int samples, int places, int channels, int groups) in ((int, int, int, int)[])[(1, 1500, 128, 8), (9, 700, 60, 5)])
            {
                using var x = TestMemory.Random(samples * places * channels, random);
                using var dy = TestMemory.Random(x.Count, random);
                Same((int)x.Count, y => GroupNorm<V>.Forward(x.Floats, samples, places, channels, groups, default, default, 1e-5f, y.Floats));
                Same((int)x.Count, dx => GroupNorm<V>.Backward(dy.Floats, x.Floats, samples, places, channels, groups, default, 1e-5f, dx.Floats, default, default));
            }

            foreach (int width in (int[])[1, 5, 16, 33, 130])
            {
                long[] indices = [.. Enumerable.Range(0, 20_000).Select(_ => (long)(random.NextDouble() * random.NextDouble() * 700))];
                using var gradient = TestMemory.Random(indices.Length * width, random);
                Same(700 * width, table =>
                {
                    fixed (long* place = indices)
                    {
                        Embedding<V>.Backward(gradient.Floats, 700, width, place, indices.Length, 3, table.Floats);
                    }
                });
            }
        }

        private static void Same(int count, Action<TestMemory> kernel)
        {
            using var expected = new TestMemory(count);
            Workers.Count = 1;
            kernel(expected);
            foreach (int workers in (int[])[2, 3, 7])
            {
                using var actual = new TestMemory(count);
                Workers.Count = workers;
                kernel(actual);
                Assert.True(expected.Span.SequenceEqual(actual.Span), $"{workers} workers");
            }

            Workers.Count = 2;
        }
    }

    private sealed class VocabularyBody : Widths.IBody
    {
        private const int Classes = 50_257;

        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(83);
            using var scores = TestMemory.Random(3 * Classes, random, 3);
            using var slope = new TestMemory(3 * Classes);
            using var loss = new TestMemory(1);
            long* targets = stackalloc long[] { 50_256, 0, 25_000 };
            foreach (float smoothing in (float[])[0, 0.1f])
            {
                Assert.Equal(-1, CrossEntropy<V>.Run(scores.Floats, targets, 3, Classes, smoothing, loss.Floats, slope.Floats));
                double total = 0;
                for (int row = 0; row < 3; row++)
                {
                    double[] line = [.. scores.Span.Slice(row * Classes, Classes).ToArray().Select(static score => (double)score)];
                    double log = Math.Log(line.Sum(Math.Exp));
                    total += ((1 - smoothing) * (log - line[targets[row]])) + (smoothing / Classes * line.Sum(score => log - score));
                    for (int c = 0; c < Classes; c += 97)
                    {
                        double wanted = ((smoothing / Classes) + (c == targets[row] ? 1 - smoothing : 0)) / 3;
                        Assert.Equal((Math.Exp(line[c] - log) / 3) - wanted, slope[(row * Classes) + c], (c == targets[row] ? 6e-8 : 1e-9) + (3e-6 * Math.Exp(line[c] - log)));
                    }
                }

                Assert.Equal(total / 3, loss[0], 1e-5);
                float before = loss[0];
                Assert.Equal(-1, CrossEntropy<V>.Loss(scores.Floats, targets, 3, Classes, smoothing, loss.Floats));
                Assert.Equal(before, loss[0], 1e-6f);
            }

            // As PyTorch: a NaN or an infinite score makes its row NaN; one of minus infinity takes no part.
            scores.Span[7] = float.NaN;
            scores.Span[Classes + 9] = float.PositiveInfinity;
            scores.Span[(2 * Classes) + 11] = float.NegativeInfinity;
            Assert.Equal(-1, CrossEntropy<V>.Run(scores.Floats, targets, 3, Classes, 0, loss.Floats, slope.Floats));
            Assert.True(float.IsNaN(loss[0]) && float.IsNaN(slope[0]) && float.IsNaN(slope[Classes]) && float.IsFinite(slope[2 * Classes]));
            Assert.Equal(0, slope[(2 * Classes) + 11]);
        }
    }
}
