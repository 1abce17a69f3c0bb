namespace ModelGen.Kernels.Tests;

/// <summary>Attention and its gradients against sums in float64.</summary>
public sealed unsafe class AttentionTests
{
    private enum Masks
    {
        None,

        /// <summary>A number for each sample and key.</summary>
        Keys,

        /// <summary>A matrix for all.</summary>
        Matrix,

        /// <summary>The transposed matrix.</summary>
        Turned,

        /// <summary>Everything of its own, with gaps.</summary>
        Full,
    }

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void RandomShapes(int bits) => Widths.Run(bits, new Random_());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void EdgeShapes(int bits) => Widths.Run(bits, new Edges());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void LongSequences(int bits) => Widths.Run(bits, new Long());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void NotANumberAndInfinity(int bits) => Widths.Run(bits, new Special());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void RepeatedRunsAreEqualBitForBit(int bits) => Widths.Run(bits, new Repeated());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void DropoutKeepsItsShare(int bits) => Widths.Run(bits, new Share());

    private static void Check<V>(Random random, Setting setting)
        where V : unmanaged, IVector<V>
    {
        using var run = new Instance(random, setting);
        Attention<V>.Forward(run.Problem);
        Attention<V>.Backward(run.Problem, run.Gradients);
        run.Compare();
    }

    private sealed record Setting(nint Batch, nint Heads, nint Shared, nint Queries, nint Keys, nint Size, nint ValueSize)
    {
        public bool Causal { get; init; }

        public Masks Mask { get; init; }

        public float Dropout { get; init; }

        /// <summary>Whether the factors of dropout are given instead of drawn.</summary>
        public bool Given { get; init; }

        public bool TokensFirst { get; init; }

        public bool Add { get; init; }
    }

    /// <summary>Operands of a setting and what is expected of them.</summary>
    private sealed class Instance : IDisposable
    {
        private const ulong Seed = 0x123456789ABCDEF;
        private const uint Stream = 77;

        private readonly Setting s;
        private readonly TestMemory q;
        private readonly TestMemory k;
        private readonly TestMemory v;
        private readonly TestMemory mask;
        private readonly TestMemory kept;
        private readonly TestMemory dOut;
        private readonly float[] dqBefore;
        private readonly float[] dkBefore;
        private readonly float[] dvBefore;

        public Instance(Random random, Setting setting)
        {
            s = setting;
            (nint b, nint h, nint g, nint t, nint n, nint d, nint e) = (s.Batch, s.Heads, s.Shared, s.Queries, s.Keys, s.Size, s.ValueSize);
            AttentionStrides Strides(nint heads, nint tokens, nint size) => s.TokensFirst ? AttentionStrides.TokensFirst(heads, tokens, size) : AttentionStrides.HeadsFirst(heads, tokens, size);
            q = TestMemory.Random(b * h * t * d, random);
            k = TestMemory.Random(b * g * n * d, random);
            v = TestMemory.Random(b * g * n * e, random);
            dOut = TestMemory.Random(b * h * t * e, random);
            Out = new TestMemory(b * h * t * e);
            Logs = new TestMemory(b * h * t);
            DQ = TestMemory.Random(b * h * t * d, random);
            DK = TestMemory.Random(b * g * n * d, random);
            DV = TestMemory.Random(b * g * n * e, random);
            dqBefore = DQ.Span.ToArray();
            dkBefore = DK.Span.ToArray();
            dvBefore = DV.Span.ToArray();
            (nint maskBatch, nint maskHead, nint maskQuery, nint maskKey, nint size) = s.Mask switch
            {
                Masks.Keys => (n, 0, 0, 1, b * n),
                Masks.Matrix => (0, 0, n, 1, t * n),
                Masks.Turned => (0, 0, 1, t, t * n),
                Masks.Full => (h * t * n * 2, t * n * 2, n * 2, 2, b * h * t * n * 2),
                _ => ((nint)0, (nint)0, (nint)0, (nint)0, (nint)0),
            };
            mask = TestMemory.Random(size, random);
            foreach (ref float value in mask.Span)
            {
                value = random.Next(4) == 0 ? float.NegativeInfinity : value;
            }

            kept = new TestMemory(s.Given ? b * h * t * n : 0);
            for (nint i = 0; i < kept.Count; i++)
            {
                kept.Span[(int)i] = (float)Factor(i / n, i % n);
            }

            Problem = new AttentionProblem
            {
                Batch = b,
                Heads = h,
                KeyValueHeads = g,
                Queries = t,
                Keys = n,
                HeadSize = d,
                ValueSize = e,
                Scale = (float)(1.3 / Math.Sqrt(d)),
                Causal = s.Causal,
                Dropout = s.Given ? 0 : s.Dropout,
                Kept = s.Given ? kept.Floats : default,
                Seed = Seed,
                Stream = Stream,
                Q = q.Floats,
                QStrides = Strides(h, t, d),
                K = k.Floats,
                KStrides = Strides(g, n, d),
                V = v.Floats,
                VStrides = Strides(g, n, e),
                Out = Out.Floats,
                OutStrides = Strides(h, t, e),
                LogSumExp = Logs.Floats,
                Mask = s.Mask == Masks.None ? default : mask.Floats,
                MaskBatch = maskBatch,
                MaskHead = maskHead,
                MaskQuery = maskQuery,
                MaskKey = maskKey,
            };
            Gradients = new AttentionGradients
            {
                Out = dOut.Floats,
                OutStrides = Strides(h, t, e),
                Q = DQ.Floats,
                QStrides = Strides(h, t, d),
                K = DK.Floats,
                KStrides = Strides(g, n, d),
                V = DV.Floats,
                VStrides = Strides(g, n, e),
                Add = s.Add,
            };
        }

        public AttentionProblem Problem { get; }

        public AttentionGradients Gradients { get; }

        public TestMemory Out { get; }

        public TestMemory Logs { get; }

        public TestMemory DQ { get; }

        public TestMemory DK { get; }

        public TestMemory DV { get; }

        public Span<float> Q => q.Span;

        public Span<float> Values => v.Span;

        public void Compare()
        {
            (nint b, nint h, nint g, nint t, nint n, nint d, nint e) = (s.Batch, s.Heads, s.Shared, s.Queries, s.Keys, s.Size, s.ValueSize);
            AttentionProblem p = Problem;
            var dq = new double[DQ.Count];
            var dk = new double[DK.Count];
            var dv = new double[DV.Count];
            var expected = new double[Out.Count];
            var probabilities = new double[n];
            var gradients = new double[n];
            static nint At(AttentionStrides strides, nint sample, nint head, nint token) => (sample * strides.Batch) + (head * strides.Head) + (token * strides.Token);
            for (nint row = 0; row < b * h * t; row++)
            {
                nint sample = row / (h * t);
                nint head = row / t % h;
                nint i = row % t;
                nint shared = head / (h / g);
                nint qi = At(p.QStrides, sample, head, i);
                nint oi = At(p.OutStrides, sample, head, i);
                double largest = double.NegativeInfinity;
                for (nint j = 0; j < n; j++)
                {
                    nint kj = At(p.KStrides, sample, shared, j);
                    double score = 0;
                    for (nint c = 0; c < d; c++)
                    {
                        score += (double)q[qi + c] * k[kj + c];
                    }

                    score *= p.Scale;
                    score += s.Mask == Masks.None ? 0 : p.Mask[(sample * p.MaskBatch) + (head * p.MaskHead) + (i * p.MaskQuery) + (j * p.MaskKey)];
                    probabilities[j] = s.Causal && j > i ? double.NegativeInfinity : score;
                    largest = Math.Max(largest, probabilities[j]);
                }

                double sum = 0;
                for (nint j = 0; j < n; j++)
                {
                    probabilities[j] = double.IsNegativeInfinity(largest) ? 0 : Math.Exp(probabilities[j] - largest);
                    sum += probabilities[j];
                }

                Near(sum == 0 ? double.PositiveInfinity : largest + Math.Log(sum), Logs[row], 1, "log");
                double delta = 0;
                for (nint j = 0; j < n; j++)
                {
                    nint vj = At(p.VStrides, sample, shared, j);
                    probabilities[j] = sum == 0 ? 0 : probabilities[j] / sum;
                    double factor = Factor(row, j);
                    gradients[j] = 0;
                    for (nint c = 0; c < e; c++)
                    {
                        expected[oi + c] += probabilities[j] * factor * v[vj + c];
                        gradients[j] += factor * v[vj + c] * dOut[oi + c];
                        dv[vj + c] += probabilities[j] * factor * dOut[oi + c];
                    }

                    delta += gradients[j] * probabilities[j];
                }

                for (nint j = 0; j < n; j++)
                {
                    nint kj = At(p.KStrides, sample, shared, j);
                    double ds = probabilities[j] * (gradients[j] - delta) * p.Scale;
                    for (nint c = 0; c < d; c++)
                    {
                        dq[qi + c] += ds * k[kj + c];
                        dk[kj + c] += ds * q[qi + c];
                    }
                }
            }

            Near(expected, Out, null, "out");
            Near(dq, DQ, s.Add ? dqBefore : null, "dq");
            Near(dk, DK, s.Add ? dkBefore : null, "dk");
            Near(dv, DV, s.Add ? dvBefore : null, "dv");
        }

        /// <summary>What dropout makes of the probability of a key; the row counts samples, heads and queries.</summary>
        private double Factor(nint row, nint key)
        {
            uint word = PhiloxTests.Reference(Seed, (uint)(row % s.Queries), (uint)((key / 64 * 16) + (key % 16)), (uint)(row / s.Queries), Stream)[key / 16 % 4];
            return s.Dropout > 0 && word >> 8 < s.Dropout * 16777216 ? 0 : 1 / (1 - (double)s.Dropout);
        }

        public void Dispose()
        {
            foreach (TestMemory memory in (TestMemory[])[q, k, v, mask, kept, dOut, Out, Logs, DQ, DK, DV])
            {
                memory.Dispose();
            }
        }

        private void Near(double[] expected, TestMemory actual, float[]? before, string what)
        {
            double size = expected.Length == 0 ? 1 : 1 + expected.Max(Math.Abs);
            for (int i = 0; i < expected.Length; i++)
            {
                Near(expected[i] + (before is null ? 0 : before[i]), actual[i], size, what);
            }
        }

        private void Near(double expected, double actual, double size, string what) =>
            Assert.True(expected.Equals(actual) || Math.Abs(expected - actual) <= 1e-5 * size, $"{s}: {what} is {actual} instead of {expected}");
    }

    private sealed class Random_ : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(21);
            for (int i = 0; i < 60; i++)
            {
                nint shared = 1 + random.Next(2);
                Check<V>(random, new Setting(1 + random.Next(2), shared * (1 + random.Next(3)), shared, 1 + random.Next(70), 1 + random.Next(70), 1 + random.Next(random.Next(2, 80)), 1 + random.Next(random.Next(2, 80)))
                {
                    Causal = random.Next(2) == 0,
                    Mask = (Masks)random.Next(5),
                    Dropout = random.Next(3) == 0 ? 0.3f : 0,
                    Given = random.Next(3) == 0,
                    TokensFirst = random.Next(2) == 0,
                    Add = random.Next(2) == 0,
                });
            }
        }
    }

    private sealed class Edges : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(22);
            foreach (nint tokens in (nint[])[1, 3, 4, 5, 7, 8, 11, 12, 13, 15, 16, 17, 31, 32, 33, 64])
            {
                foreach (nint size in (nint[])[1, 4, 5, 8, 12, 15, 16, 17, 32, 33])
                {
                    Check<V>(random, new Setting(1, 1, 1, tokens, tokens, size, size) { Causal = size % 2 == 0, TokensFirst = true });
                }
            }

            foreach (Masks mask in Enum.GetValues<Masks>())
            {
                for (nint queries = 1; queries <= 5; queries++)
                {
                    Check<V>(random, new Setting(2, 4, 2, queries, 37 * queries, 30 * queries, 33 + queries) { Mask = mask, TokensFirst = queries > 2, Causal = queries == 4 });
                }
            }

            Check<V>(random, new Setting(0, 2, 2, 3, 3, 4, 4));
            Check<V>(random, new Setting(1, 2, 1, 0, 3, 4, 4));
            Check<V>(random, new Setting(1, 2, 1, 3, 0, 4, 4));
            Check<V>(random, new Setting(1, 2, 1, 3, 7, 4, 4) { Causal = true });
            Check<V>(random, new Setting(1, 2, 1, 7, 3, 4, 4) { Causal = true });
            Check<V>(random, new Setting(1, 1, 1, 9, 9, 256, 200));
        }
    }

    private sealed class Long : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(23);
            Check<V>(random, new Setting(1, 2, 1, 130, 450, 20, 33) { Dropout = 0.2f, TokensFirst = true });
            Check<V>(random, new Setting(1, 2, 1, 130, 450, 20, 33) { Dropout = 0.2f, Given = true, TokensFirst = true });
            Check<V>(random, new Setting(1, 2, 2, 401, 401, 16, 16) { Causal = true, Mask = Masks.Matrix });
            Check<V>(random, new Setting(2, 1, 1, 40, 600, 32, 8) { Mask = Masks.Full });
            Check<V>(random, new Setting(2, 1, 1, 230, 210, 5, 40) { Mask = Masks.Keys, Causal = true, Dropout = 0.6f });
        }
    }

    private sealed class Special : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(24);
            using var run = new Instance(random, new Setting(1, 1, 1, 40, 40, 8, 8) { Mask = Masks.Matrix });
            AttentionProblem p = run.Problem;
            for (int j = 0; j < 40; j++)
            {
                p.Mask[(3 * 40) + j] = float.NegativeInfinity;
                p.Mask[(7 * 40) + j] = 0;
                p.Mask[(9 * 40) + j] = j == 5 ? float.PositiveInfinity : 0;
                p.Mask[(11 * 40) + j] = j == 6 ? float.NaN : 0;
            }

            run.Q[(20 * 8) + 2] = float.NaN;
            Attention<V>.Forward(p);
            for (int i = 0; i < 40; i++)
            {
                for (int c = 0; c < 8; c++)
                {
                    float value = run.Out[(i * 8) + c];
                    Assert.True(i == 3 ? value == 0 : i is 9 or 11 or 20 ? float.IsNaN(value) : float.IsFinite(value), $"[{i}, {c}] is {value}");
                }
            }

            Attention<V>.Backward(p, run.Gradients);
            for (int i = 0; i < 40; i++)
            {
                for (int c = 0; c < 8; c++)
                {
                    float value = run.DQ[(i * 8) + c];
                    Assert.True(i == 3 ? value == 0 : i is 9 or 11 or 20 ? float.IsNaN(value) : float.IsFinite(value), $"dq [{i}, {c}] is {value}");
                    Assert.True(float.IsNaN(run.DK[(i * 8) + c]) && float.IsNaN(run.DV[(i * 8) + c]));
                }
            }

            p.EmptyIsNaN = true;
            Attention<V>.Forward(p);
            Attention<V>.Backward(p, run.Gradients);
            Assert.True(float.IsNaN(run.Out[3 * 8]) && float.IsNaN(run.DQ[3 * 8]) && float.IsFinite(run.Out[4 * 8]));
            p.Queries = 4;
            Attention<V>.Forward(p);
            Assert.True(float.IsNaN(run.Out[3 * 8]) && float.IsFinite(run.Out[0]));
            p.EmptyIsNaN = false;

            // Few queries take another way.
            p.Queries = 4;
            run.Q[(2 * 8) + 5] = float.NaN;
            Attention<V>.Forward(p);
            for (int i = 0; i < 4; i++)
            {
                float value = run.Out[i * 8];
                Assert.True(i == 3 ? value == 0 : i == 2 ? float.IsNaN(value) : float.IsFinite(value), $"few [{i}] is {value}");
            }

            p.Queries = 40;
            run.Q[(2 * 8) + 5] = 0;
            run.Q[(20 * 8) + 2] = 0;
            run.Values[6] = float.PositiveInfinity;
            p.Mask = default;
            Attention<V>.Forward(p);
            for (int i = 0; i < 40; i++)
            {
                Assert.True(float.IsPositiveInfinity(run.Out[(i * 8) + 6]) && float.IsFinite(run.Out[(i * 8) + 5]));
            }
        }
    }

    private sealed class Repeated : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(25);
            using var run = new Instance(random, new Setting(2, 4, 2, 150, 150, 32, 32) { Causal = true, Dropout = 0.1f });
            float[][]? first = null;
            for (int i = 0; i < 8; i++)
            {
                Attention<V>.Forward(run.Problem);
                Attention<V>.Backward(run.Problem, run.Gradients);
                float[][] results = [run.Out.Span.ToArray(), run.Logs.Span.ToArray(), run.DQ.Span.ToArray(), run.DK.Span.ToArray(), run.DV.Span.ToArray()];
                first ??= results;
                for (int j = 0; j < results.Length; j++)
                {
                    Assert.True(results[j].AsSpan().SequenceEqual(first[j]));
                }
            }
        }
    }

    /// <summary>With values of one and equal scores a result is the share of what was kept, over 1 - p.</summary>
    private sealed class Share : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            using var run = new Instance(new Random(26), new Setting(2, 2, 2, 200, 300, 4, 1) { Dropout = 0.25f });
            run.Q.Clear();
            run.Values.Fill(1);
            Attention<V>.Forward(run.Problem);
            double mean = 0;
            foreach (float value in run.Out.Span)
            {
                mean += value / run.Out.Count;
            }

            Assert.InRange(mean, 0.99, 1.01);
        }
    }
}
