namespace ModelGen.Kernels.Tests;

/// <summary>Recurrent layers against float64: results number by number, gradients as derivatives along random directions.</summary>
public sealed unsafe class RecurrentTests
{
    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void RandomShapes(int bits) => Widths.Run(bits, new RandomShapes_());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void EdgeShapes(int bits) => Widths.Run(bits, new Edges());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void WithoutSavingTheResultsAreTheSame(int bits) => Widths.Run(bits, new Inference());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void RepeatedRunsAreEqualBitForBit(int bits) => Widths.Run(bits, new Repeated());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void NotANumberStaysInItsSample(int bits) => Widths.Run(bits, new Special());

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    private sealed record Setting(RecurrentCell Cell, nint Steps, nint Batch, nint Input, nint Hidden)
    {
        public bool BatchFirst { get; init; }

        public bool Reverse { get; init; }

        public bool Biases { get; init; } = true;

        public bool Initial { get; init; } = true;

        public bool Add { get; init; }

        /// <summary>Numbers between the rows of the sequence's tensors.</summary>
        public nint Gap { get; init; }
    }

    /// <summary>Operands of a setting, in float and float64.</summary>
    private sealed class Instance : IDisposable
    {
        private readonly Setting s;
        private readonly Random random;
        private readonly Dictionary<string, TestMemory> memory = [];
        private readonly Dictionary<string, double[]> exact = [];
        private readonly Dictionary<string, float[]> before = [];

        public Instance(Random random, Setting setting)
        {
            s = setting;
            this.random = random;
            nint gates = s.Cell switch { RecurrentCell.Lstm => 4, RecurrentCell.Gru => 3, _ => 1 };
            nint rows = s.Steps * s.Batch;
            nint all = gates * s.Hidden;
            double scale = 1 / Math.Sqrt(s.Hidden);
            Floats Operand(string name, nint count, double size, bool there = true)
            {
                memory[name] = TestMemory.Random(there ? count : 0, random, size);
                exact[name] = [.. memory[name].Span.ToArray().Select(static x => (double)x)];
                return there ? memory[name].Floats : default;
            }

            Floats Result(string name, nint count, bool there = true)
            {
                memory[name] = TestMemory.Random(there ? count : 0, random);
                before[name] = memory[name].Span.ToArray();
                return there ? memory[name].Floats : default;
            }

            bool isLstm = s.Cell == RecurrentCell.Lstm;
            bool gru = s.Cell == RecurrentCell.Gru;
            nint yRow = s.Hidden + s.Gap;
            nint xRow = s.Input + s.Gap;
            nint states = s.Batch * s.Hidden;
            Problem = new RecurrentProblem
            {
                Cell = s.Cell,
                Steps = s.Steps,
                Batch = s.Batch,
                InputSize = s.Input,
                HiddenSize = s.Hidden,
                BatchFirst = s.BatchFirst,
                Reverse = s.Reverse,
                Save = true,
                X = Operand("x", rows * xRow, 1),
                XRow = xRow,
                InputWeight = Operand("wi", all * s.Input, scale),
                HiddenWeight = Operand("wh", all * s.Hidden, scale),
                InputBias = Operand("bi", all, scale, s.Biases),
                HiddenBias = Operand("bh", all, scale, s.Biases),
                InitialHidden = Operand("h0", states, 1, s.Initial),
                InitialCell = Operand("c0", states, 1, s.Initial && isLstm),
                Y = Result("y", rows * yRow),
                YRow = yRow,
                FinalHidden = Result("hn", states),
                FinalCell = Result("cn", states, isLstm),
                Gates = Result("gates", rows * all),
                Cells = Result("cells", rows * s.Hidden, isLstm),
                HiddenPart = Result("part", rows * s.Hidden, gru),
            };
            Gradients = new RecurrentGradients
            {
                Y = Operand("gy", rows * yRow, 1),
                YRow = yRow,
                FinalHidden = Operand("ghn", states, 1),
                FinalCell = Operand("gcn", states, 1, isLstm),
                X = Result("dx", rows * xRow),
                XRow = xRow,
                AddX = s.Add,
                InputWeight = Result("dwi", all * s.Input),
                HiddenWeight = Result("dwh", all * s.Hidden),
                InputBias = Result("dbi", all, s.Biases),
                HiddenBias = Result("dbh", all, s.Biases),
                AddWeights = s.Add,
                InitialHidden = Result("dh0", states),
                InitialCell = Result("dc0", states, isLstm),
                Gates = s.Add ? Problem.Gates : Result("dgates", rows * all),
                HiddenPart = s.Add ? Problem.HiddenPart : Result("dpart", rows * s.Hidden, gru),
                Work = Result("work", rows * s.Hidden),
            };
        }

        public RecurrentProblem Problem { get; }

        public RecurrentGradients Gradients { get; }

        public TestMemory this[string name] => memory[name];

        public void CompareForward()
        {
            Loss(out double[] y, out double[] h, out double[] c);
            for (nint row = 0; row < s.Steps * s.Batch; row++)
            {
                for (nint i = 0; i < s.Hidden + s.Gap; i++)
                {
                    nint place = (row * (s.Hidden + s.Gap)) + i;
                    Near(i < s.Hidden ? y[(row * s.Hidden) + i] : before["y"][place], memory["y"][place], 1, "y");
                }
            }

            for (int i = 0; i < h.Length; i++)
            {
                Near(h[i], memory["hn"][i], 1, "hn");
                if (s.Cell == RecurrentCell.Lstm)
                {
                    Near(c[i], memory["cn"][i], 1, "cn");
                }
            }
        }

        public void CompareBackward()
        {
            foreach (string name in (string[])["x", "wi", "wh", "bi", "bh", "h0", "c0"])
            {
                double[] values = exact[name];
                TestMemory gradient = memory["d" + name];
                if (values.Length == 0)
                {
                    continue;
                }

                double[] kept = [.. values];
                bool add = s.Add && name is not "h0" and not "c0";
                for (int i = 0; name == "x" && i < values.Length; i++)
                {
                    if (i % (s.Input + s.Gap) >= s.Input)
                    {
                        Assert.Equal(before["dx"][i], gradient[i]);
                    }
                }

                for (int trial = 0; trial < 3; trial++)
                {
                    double[] direction = [.. values.Select((_, i) => name == "x" && i % (s.Input + s.Gap) >= s.Input ? 0 : random.NextDouble() - 0.5)];
                    double Along(double step)
                    {
                        for (int i = 0; i < values.Length; i++)
                        {
                            values[i] = kept[i] + (step * direction[i]);
                        }

                        return Loss(out _, out _, out _);
                    }

                    // Small, as relu's derivative jumps: a larger step now and then crosses a jump.
                    const double Step = 1e-7;
                    double expected = (Along(Step) - Along(-Step)) / (2 * Step);
                    kept.CopyTo(values, 0);
                    double actual = 0;
                    double size = 1e-3;
                    for (int i = 0; i < values.Length; i++)
                    {
                        double d = gradient[i] - (add ? (double)before["d" + name][i] : 0);
                        actual += direction[i] == 0 ? 0 : d * direction[i];
                        size += direction[i] == 0 ? 0 : d * d;
                    }

                    Near(expected, actual, 3 * Math.Sqrt(size), "d" + name);
                }
            }
        }

        public void Dispose()
        {
            foreach (TestMemory piece in memory.Values)
            {
                piece.Dispose();
            }
        }

        private void Near(double expected, double actual, double size, string what) => Assert.True(Math.Abs(expected - actual) <= 1e-5 * size, $"{s}: {what} is {actual} instead of {expected}");

        /// <summary>Sum of all results, weighted by the given gradients.</summary>
        private double Loss(out double[] y, out double[] h, out double[] c)
        {
            (nint n, nint m) = (s.Hidden, s.Input);
            nint gates = Problem.GateCount;
            y = new double[s.Steps * s.Batch * n];
            h = new double[s.Batch * n];
            c = new double[s.Batch * n];
            double loss = 0;
            var input = new double[gates * n];
            var recurrent = new double[gates * n];
            for (nint b = 0; b < s.Batch; b++)
            {
                for (nint i = 0; i < n; i++)
                {
                    h[(b * n) + i] = s.Initial ? exact["h0"][(b * n) + i] : 0;
                    c[(b * n) + i] = s.Initial && s.Cell == RecurrentCell.Lstm ? exact["c0"][(b * n) + i] : 0;
                }

                for (nint step = 0; step < s.Steps; step++)
                {
                    nint t = s.Reverse ? s.Steps - 1 - step : step;
                    nint row = s.BatchFirst ? (b * s.Steps) + t : (t * s.Batch) + b;
                    for (nint g = 0; g < gates * n; g++)
                    {
                        input[g] = s.Biases ? exact["bi"][g] : 0;
                        recurrent[g] = s.Biases ? exact["bh"][g] : 0;
                        for (nint k = 0; k < m; k++)
                        {
                            input[g] += exact["wi"][(g * m) + k] * exact["x"][(row * (m + s.Gap)) + k];
                        }

                        for (nint k = 0; k < n; k++)
                        {
                            recurrent[g] += exact["wh"][(g * n) + k] * h[(b * n) + k];
                        }
                    }

                    for (nint i = 0; i < n; i++)
                    {
                        double Sum(nint gate) => input[(gate * n) + i] + recurrent[(gate * n) + i];
                        ref double hidden = ref h[(b * n) + i];
                        ref double cell = ref c[(b * n) + i];
                        switch (s.Cell)
                        {
                            case RecurrentCell.Lstm:
                                cell = (Sigmoid(Sum(1)) * cell) + (Sigmoid(Sum(0)) * Math.Tanh(Sum(2)));
                                hidden = Sigmoid(Sum(3)) * Math.Tanh(cell);
                                break;
                            case RecurrentCell.Gru:
                                double z = Sigmoid(Sum(1));
                                hidden = ((1 - z) * Math.Tanh(input[(2 * n) + i] + (Sigmoid(Sum(0)) * recurrent[(2 * n) + i]))) + (z * hidden);
                                break;
                            case RecurrentCell.Tanh:
                                hidden = Math.Tanh(Sum(0));
                                break;
                            default:
                                hidden = Math.Max(0, Sum(0));
                                break;
                        }

                        y[(row * n) + i] = hidden;
                        loss += hidden * exact["gy"][(row * (n + s.Gap)) + i];
                    }
                }

                for (nint i = 0; i < n; i++)
                {
                    loss += h[(b * n) + i] * exact["ghn"][(b * n) + i];
                    loss += s.Cell == RecurrentCell.Lstm ? c[(b * n) + i] * exact["gcn"][(b * n) + i] : 0;
                }
            }

            return loss;
        }
    }

    private static void Check<V>(Random random, Setting setting)
        where V : unmanaged, IVector<V>
    {
        using var run = new Instance(random, setting);
        Recurrent<V>.Forward(run.Problem);
        run.CompareForward();
        Recurrent<V>.Backward(run.Problem, run.Gradients);
        run.CompareBackward();
    }

    private sealed class RandomShapes_ : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(31);
            for (int i = 0; i < 32; i++)
            {
                Check<V>(random, new Setting((RecurrentCell)(i % 4), 1 + random.Next(6), 1 + random.Next(random.Next(2, 27)), 1 + random.Next(20), 1 + random.Next(random.Next(2, 50)))
                {
                    BatchFirst = random.Next(2) == 0,
                    Reverse = random.Next(2) == 0,
                    Biases = random.Next(3) > 0,
                    Initial = random.Next(3) > 0,
                    Add = random.Next(2) == 0,
                    Gap = random.Next(2) * 5,
                });
            }
        }
    }

    private sealed class Edges : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(32);
            foreach (RecurrentCell cell in Enum.GetValues<RecurrentCell>())
            {
                foreach (nint hidden in (nint[])[1, 7, 8, 9, 15, 16, 17, 32, 33])
                {
                    Check<V>(random, new Setting(cell, 2, 1 + (hidden % 13), 1, hidden));
                }

                Check<V>(random, new Setting(cell, 1, 1, 3, 4) { Initial = false });
                Check<V>(random, new Setting(cell, 0, 2, 3, 4));
                Check<V>(random, new Setting(cell, 3, 0, 3, 4));
                Check<V>(random, new Setting(cell, 3, 25, 10, 40));
            }
        }
    }

    private sealed class Inference : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(33);
            foreach (RecurrentCell cell in Enum.GetValues<RecurrentCell>())
            {
                using var run = new Instance(random, new Setting(cell, 5, 14, 9, 37));
                Recurrent<V>.Forward(run.Problem);
                float[] y = run["y"].Span.ToArray();
                float[] c = run["cn"].Span.ToArray();
                run["y"].Span.Clear();
                run["cn"].Span.Clear();
                RecurrentProblem problem = run.Problem;
                problem.Save = false;
                problem.Cells = default;
                problem.HiddenPart = default;
                Recurrent<V>.Forward(problem);
                Assert.True(run["y"].Span.SequenceEqual(y) && run["cn"].Span.SequenceEqual(c));
            }
        }
    }

    private sealed class Repeated : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(34);
            foreach (RecurrentCell cell in Enum.GetValues<RecurrentCell>())
            {
                using var run = new Instance(random, new Setting(cell, 6, 20, 50, 100));
                float[][]? first = null;
                for (int i = 0; i < 5; i++)
                {
                    Recurrent<V>.Forward(run.Problem);
                    Recurrent<V>.Backward(run.Problem, run.Gradients);
                    float[][] results = [.. ((string[])["y", "hn", "dx", "dwi", "dwh", "dbi", "dbh", "dh0"]).Select(name => run[name].Span.ToArray())];
                    first ??= results;
                    for (int j = 0; j < results.Length; j++)
                    {
                        Assert.True(results[j].AsSpan().SequenceEqual(first[j]));
                    }
                }
            }
        }
    }

    private sealed class Special : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(35);
            foreach (RecurrentCell cell in Enum.GetValues<RecurrentCell>())
            {
                using var run = new Instance(random, new Setting(cell, 3, 15, 6, 20));
                run["x"].Span[(((1 * 15) + 4) * 6) + 2] = float.NaN;
                run["x"].Span[(((0 * 15) + 7) * 6) + 1] = cell == RecurrentCell.Relu ? 0 : float.PositiveInfinity;
                Recurrent<V>.Forward(run.Problem);
                for (int t = 0; t < 3; t++)
                {
                    for (int b = 0; b < 15; b++)
                    {
                        for (int i = 0; i < 20; i++)
                        {
                            float value = run["y"][(((t * 15) + b) * 20) + i];
                            Assert.True(b == 4 && t >= 1 ? float.IsNaN(value) : float.IsFinite(value), $"{cell}: y [{t}, {b}, {i}] is {value}");
                        }
                    }
                }
            }
        }
    }
}
