namespace ModelGen.Kernels.Tests;

/// <summary>Products of bfloat16 numbers against sums in float64 of rounded operands.</summary>
public sealed class GemmBFloat16Tests
{
    [Theory]
    [MemberData(nameof(BFloat16.Ways), MemberType = typeof(BFloat16))]
    public void RandomShapesAndStrides(int bits, bool portable) => Widths.Run(bits, new RandomShapes(portable));

    [Theory]
    [MemberData(nameof(BFloat16.Ways), MemberType = typeof(BFloat16))]
    public void EverySmallShape(int bits, bool portable) => Widths.Run(bits, new SmallShapes(portable));

    [Theory]
    [MemberData(nameof(BFloat16.Ways), MemberType = typeof(BFloat16))]
    public void NotANumberAndInfinityAreKept(int bits, bool portable) => Widths.Run(bits, new SpecialNumbers(portable));

    [Theory]
    [MemberData(nameof(BFloat16.Ways), MemberType = typeof(BFloat16))]
    public void EpiloguesSeeEveryElementOnceWhenItIsComplete(int bits, bool portable) => Widths.Run(bits, new Epilogues(portable));

    [Theory]
    [MemberData(nameof(BFloat16.Ways), MemberType = typeof(BFloat16))]
    public void RepeatedRunsAreEqualBitForBit(int bits, bool portable) => Widths.Run(bits, new Repeated(portable));

    [Theory]
    [MemberData(nameof(BFloat16.Ways), MemberType = typeof(BFloat16))]
    public void BatchesEqualSingleProducts(int bits, bool portable) => Widths.Run(bits, new Batches(portable));

    private static void Multiply<V, TEpilogue>(bool portable, in GemmProblem problem, TEpilogue epilogue)
        where V : unmanaged, IVector<V>
        where TEpilogue : unmanaged, ITileEpilogue
    {
        if (portable)
        {
            Gemm<V>.Run<RoundedFormat<V>, TEpilogue>(problem, epilogue);
        }
        else
        {
            GemmBFloat16<V>.Run(problem, epilogue);
        }
    }

    /// <summary>Where element (i, k) of an operand is.</summary>
    private enum Order
    {
        Rows,
        Columns,
        Apart,
    }

    /// <summary>One product of random operands; a and b have gaps between their lines, or between all numbers, and C has gaps too.</summary>
    private static void Check<V>(bool portable, Random random, nint rows, nint columns, nint depth, Order left, Order right, bool add, nint gap)
        where V : unmanaged, IVector<V>
    {
        (nint aRow, nint aColumn) = Strides(left, rows, depth, gap);
        (nint bRow, nint bColumn) = Strides(right, depth, columns, gap);
        nint cRow = columns + gap;
        using var a = TestMemory.Random(((rows - 1) * aRow) + (Math.Max(0, depth - 1) * aColumn) + 1, random);
        using var b = TestMemory.Random((Math.Max(0, depth - 1) * bRow) + ((columns - 1) * bColumn) + 1, random);
        using var c = TestMemory.Random(rows * cRow, random);
        float[] before = c.Span.ToArray();
        var problem = new GemmProblem(rows, columns, depth) { A = a.Floats, ARow = aRow, AColumn = aColumn, B = b.Floats, BRow = bRow, BColumn = bColumn, C = c.Floats, CRow = cRow, Add = add };
        Multiply<V, NoEpilogue>(portable, problem, default);
        double[] x = [.. a.Span.ToArray().Select(BFloat16.Round)];
        double[] y = [.. b.Span.ToArray().Select(BFloat16.Round)];
        for (nint i = 0; i < rows; i++)
        {
            for (nint j = 0; j < cRow; j++)
            {
                float actual = c[(i * cRow) + j];
                if (j >= columns)
                {
                    Assert.Equal(before[(i * cRow) + j], actual);
                    continue;
                }

                double sum = add ? before[(i * cRow) + j] : 0;
                double size = Math.Abs(sum) + 1;
                for (nint k = 0; k < depth; k++)
                {
                    double term = x[(i * aRow) + (k * aColumn)] * y[(k * bRow) + (j * bColumn)];
                    sum += term;
                    size += Math.Abs(term);
                }

                Assert.True(Math.Abs(sum - actual) <= 1e-6 * size, $"{rows}x{columns}x{depth} A {left} B {right} add {add} gap {gap}: [{i}, {j}] is {actual} instead of {sum}");
            }
        }
    }

    private static (nint Row, nint Column) Strides(Order order, nint rows, nint columns, nint gap) => order switch
    {
        Order.Rows => (columns + gap, 1),
        Order.Columns => (1, rows + gap),
        _ => (2 * (columns + gap), 2),
    };

    private sealed class RandomShapes(bool portable) : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(7);
            for (int i = 0; i < 120; i++)
            {
                nint Size(int largest) => 1 + random.Next(random.Next(1, largest));
                nint depth = i % 10 == 0 ? 700 + random.Next(1000) : Size(200);
                Check<V>(portable, random, Size(150), Size(250), depth, (Order)random.Next(3), (Order)random.Next(3), random.Next(2) == 0, random.Next(3) * 5);
            }
        }
    }

    private sealed class SmallShapes(bool portable) : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            // Every size from 1 to 70 in each place, the other sizes at random.
            var random = new Random(8);
            for (int size = 1; size <= 70; size++)
            {
                foreach (Order left in Enum.GetValues<Order>())
                {
                    foreach (Order right in Enum.GetValues<Order>())
                    {
                        Check<V>(portable, random, size, random.Next(1, 40), random.Next(0, 40), left, right, size % 2 == 0, 0);
                        Check<V>(portable, random, random.Next(1, 30), size, random.Next(1, 40), left, right, size % 2 == 1, 0);
                        Check<V>(portable, random, random.Next(1, 30), random.Next(1, 40), size, left, right, size % 2 == 0, 3);
                    }
                }
            }
        }
    }

    private sealed class SpecialNumbers(bool portable) : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            foreach (bool turned in (bool[])[false, true])
            {
                using var a = new TestMemory([.. Enumerable.Range(0, 20 * 31).Select(static i => (float)(i % 7))]);
                using var b = new TestMemory([.. Enumerable.Range(0, 31 * 40).Select(static i => (float)(i % 5))]);
                using var c = new TestMemory(20 * 40);
                GemmProblem problem = turned ? GemmProblem.TN(20, 40, 31, a.Floats, b.Floats, c.Floats) : GemmProblem.NN(20, 40, 31, a.Floats, b.Floats, c.Floats);
                int Place(int i, int k) => (int)((i * problem.ARow) + (k * problem.AColumn));

                // A signalling NaN with one bit set below those that are kept, and a finite number that rounds to infinity.
                a.Span[Place(3, 4)] = BitConverter.UInt32BitsToSingle(0x7F800001);
                a.Span[Place(5, 30)] = BitConverter.UInt32BitsToSingle(0x7FFFFFFF);
                a.Span[Place(7, 1)] = float.PositiveInfinity;
                a.Span[Place(9, 1)] = float.MaxValue;
                b.Span[40 + 39] = 0;
                Multiply<V, NoEpilogue>(portable, problem, default);
                for (int i = 0; i < 20; i++)
                {
                    for (int j = 0; j < 40; j++)
                    {
                        float value = c[(i * 40) + j];
                        bool large = i is 7 or 9;
                        bool nan = i is 3 or 5 || (large && b[40 + j] == 0);
                        Assert.True(nan ? float.IsNaN(value) : large ? float.IsPositiveInfinity(value) : float.IsFinite(value), $"[{i}, {j}] is {value}");
                    }
                }
            }
        }
    }

    private sealed class Epilogues(bool portable) : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            foreach ((nint rows, nint columns, nint depth) in ((nint, nint, nint)[])[(40, 70, 1600), (7, 300, 901), (300, 5, 20)])
            {
                var random = new Random(9);
                using var a = TestMemory.Random(rows * depth, random);
                using var b = TestMemory.Random(depth * columns, random);
                using var plain = new TestMemory(rows * columns);
                using var changed = new TestMemory(rows * columns);
                Multiply<V, NoEpilogue>(portable, GemmProblem.NN(rows, columns, depth, a.Floats, b.Floats, plain.Floats), default);
                Multiply<V, Places>(portable, GemmProblem.NN(rows, columns, depth, a.Floats, b.Floats, changed.Floats), default);
                for (nint i = 0; i < rows * columns; i++)
                {
                    Assert.Equal((plain[i] * 2) + ((i / columns) * 1000) + (i % columns), changed[i]);
                }
            }
        }

        private readonly struct Places : ITileEpilogue
        {
            public void Run(Floats tile, nint stride, nint row, nint rows, nint column, nint columns)
            {
                for (nint i = 0; i < rows; i++)
                {
                    for (nint j = 0; j < columns; j++)
                    {
                        tile[(i * stride) + j] = (tile[(i * stride) + j] * 2) + ((row + i) * 1000) + (column + j);
                    }
                }
            }
        }
    }

    private sealed class Repeated(bool portable) : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(10);
            using var a = TestMemory.Random(200 * 1701, random);
            using var b = TestMemory.Random(1701 * 130, random);
            using var first = new TestMemory(200 * 130);
            using var again = new TestMemory(200 * 130);
            Multiply<V, NoEpilogue>(portable, GemmProblem.NN(200, 130, 1701, a.Floats, b.Floats, first.Floats), default);
            for (int i = 0; i < 20; i++)
            {
                Multiply<V, NoEpilogue>(portable, GemmProblem.NN(200, 130, 1701, a.Floats, b.Floats, again.Floats), default);
                Assert.True(first.Span.SequenceEqual(again.Span));
            }
        }
    }

    private sealed class Batches(bool portable) : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(11);
            foreach ((nint outer, nint inner) in ((nint, nint)[])[(0, 3), (1, 1), (2, 3), (5, 1), (4, 7)])
            {
                (nint rows, nint columns, nint depth) = (random.Next(1, 40), random.Next(1, 70), random.Next(1, 50));
                using var a = TestMemory.Random(Math.Max(1, outer) * rows * inner * depth, random);
                using var b = TestMemory.Random(columns * inner * depth, random);
                using var c = new TestMemory(Math.Max(1, outer) * inner * rows * columns);
                using var single = new TestMemory(rows * columns);
                var problem = new GemmProblem(rows, columns, depth) { A = a.Floats, ARow = inner * depth, B = b.Floats, BRow = 1, BColumn = inner * depth, C = c.Floats };
                var batch = new GemmBatch(outer, inner) { AOuter = rows * inner * depth, AInner = depth, BInner = depth, COuter = inner * rows * columns, CInner = rows * columns };
                if (portable)
                {
                    Gemm<V>.Run<RoundedFormat<V>>(problem, batch);
                }
                else
                {
                    GemmBFloat16<V>.Run(problem, batch);
                }

                for (nint item = 0; item < outer * inner; item++)
                {
                    GemmProblem one = problem;
                    one.A = a.Floats + ((item / inner * rows * inner * depth) + (item % inner * depth));
                    one.B = b.Floats + (item % inner * depth);
                    one.C = single.Floats;
                    Multiply<V, NoEpilogue>(portable, one, default);
                    Assert.True(single.Span.SequenceEqual(c.Span.Slice((int)(item * rows * columns), (int)(rows * columns))), $"item {item} of {outer} x {inner}");
                }
            }
        }
    }
}
