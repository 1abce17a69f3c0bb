namespace ModelGen.Kernels.Tests;

/// <summary>Products against sums in float64.</summary>
public sealed class GemmTests
{
    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void RandomShapesAndStrides(int bits) => Widths.Run(bits, new RandomShapes());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void EverySmallShape(int bits) => Widths.Run(bits, new SmallShapes());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void NotANumberAndInfinityAreKept(int bits) => Widths.Run(bits, new SpecialNumbers());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void EpiloguesSeeEveryElementOnceWhenItIsComplete(int bits) => Widths.Run(bits, new Epilogues());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void RepeatedRunsAreEqualBitForBit(int bits) => Widths.Run(bits, new Repeated());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void OneRow(int bits) => Widths.Run(bits, new SingleRows());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void BatchesEqualSingleProducts(int bits) => Widths.Run(bits, new Batches());

    /// <summary>One product of random operands, compared with float64; a and b have gaps between their rows, and C too.</summary>
    private static void Check<V>(Random random, nint rows, nint columns, nint depth, bool transposeA, bool transposeB, bool add, nint gap)
        where V : unmanaged, IVector<V>
    {
        nint aLine = (transposeA ? rows : depth) + gap;
        nint bLine = (transposeB ? depth : columns) + gap;
        nint cLine = columns + gap;
        using var a = TestMemory.Random((transposeA ? depth : rows) * aLine, random);
        using var b = TestMemory.Random((transposeB ? columns : depth) * bLine, random);
        using var c = TestMemory.Random(rows * cLine, random);
        float[] before = c.Span.ToArray();
        var problem = new GemmProblem(rows, columns, depth)
        {
            A = a.Floats,
            ARow = transposeA ? 1 : aLine,
            AColumn = transposeA ? aLine : 1,
            B = b.Floats,
            BRow = transposeB ? 1 : bLine,
            BColumn = transposeB ? bLine : 1,
            C = c.Floats,
            CRow = cLine,
            Add = add,
        };
        Gemm<V>.Run(problem);
        for (nint i = 0; i < rows; i++)
        {
            for (nint j = 0; j < cLine; j++)
            {
                double sum = add ? before[(i * cLine) + j] : 0;
                double size = Math.Abs(sum) + 1;
                if (j >= columns)
                {
                    Assert.Equal(before[(i * cLine) + j], c[(i * cLine) + j]);
                    continue;
                }

                for (nint k = 0; k < depth; k++)
                {
                    double term = (double)a[(i * problem.ARow) + (k * problem.AColumn)] * b[(k * problem.BRow) + (j * problem.BColumn)];
                    sum += term;
                    size += Math.Abs(term);
                }

                Assert.True(Math.Abs(sum - c[(i * cLine) + j]) <= 1e-6 * size, $"{rows}x{columns}x{depth} tA {transposeA} tB {transposeB} add {add} gap {gap}: [{i}, {j}] is {c[(i * cLine) + j]} instead of {sum}");
            }
        }
    }

    private sealed class RandomShapes : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(7);
            for (int i = 0; i < 150; i++)
            {
                nint Size(int largest) => 1 + random.Next(random.Next(1, largest));
                Check<V>(random, Size(150), Size(150), i % 10 == 0 ? 380 + random.Next(500) : Size(200), random.Next(2) == 0, random.Next(2) == 0, random.Next(2) == 0, random.Next(3) * 5);
            }
        }
    }

    private sealed class SmallShapes : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(8);
            foreach (nint rows in (nint[])[1, 5, 6, 7, 11, 12, 13, 16, 25])
            {
                foreach (nint columns in (nint[])[1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 32, 33, 65])
                {
                    foreach (nint depth in (nint[])[0, 1, 3, 4, 15, 16, 17, 33])
                    {
                        Check<V>(random, rows, columns, depth, rows % 2 == 0, depth % 2 == 0, columns % 3 == 0, 0);
                        Check<V>(random, rows, columns, depth, false, true, false, 0);
                    }
                }
            }
        }
    }

    private sealed class SpecialNumbers : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            using var a = new TestMemory(Enumerable.Range(0, 20 * 30).Select(static i => (float)(i % 7)).ToArray());
            using var b = new TestMemory(Enumerable.Range(0, 30 * 40).Select(static i => (float)(i % 5)).ToArray());
            using var c = new TestMemory(20 * 40);
            a.Span[(3 * 30) + 4] = float.NaN;
            a.Span[(7 * 30) + 1] = float.PositiveInfinity;
            b.Span[(1 * 40) + 39] = 0;
            Gemm<V>.Run(GemmProblem.NN(20, 40, 30, a.Floats, b.Floats, c.Floats));
            for (int i = 0; i < 20; i++)
            {
                for (int j = 0; j < 40; j++)
                {
                    float value = c[(i * 40) + j];
                    bool nan = i == 3 || (i == 7 && b[40 + j] == 0);
                    Assert.True(nan ? float.IsNaN(value) : i == 7 ? float.IsPositiveInfinity(value) : float.IsFinite(value), $"[{i}, {j}] is {value}");
                }
            }
        }
    }

    private sealed class Epilogues : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            foreach ((nint rows, nint columns, nint depth) in ((nint, nint, nint)[])[(40, 70, 800), (7, 300, 500), (300, 5, 20)])
            {
                var random = new Random(9);
                using var a = TestMemory.Random(rows * depth, random);
                using var b = TestMemory.Random(depth * columns, random);
                using var plain = new TestMemory(rows * columns);
                using var changed = new TestMemory(rows * columns);
                Gemm<V>.Run(GemmProblem.NN(rows, columns, depth, a.Floats, b.Floats, plain.Floats));
                Gemm<V>.Run(GemmProblem.NN(rows, columns, depth, a.Floats, b.Floats, changed.Floats), default(Places));
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

    private sealed class Repeated : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(10);
            using var a = TestMemory.Random(200 * 900, random);
            using var b = TestMemory.Random(900 * 130, random);
            using var first = new TestMemory(200 * 130);
            using var again = new TestMemory(200 * 130);
            Gemm<V>.Run(GemmProblem.NN(200, 130, 900, a.Floats, b.Floats, first.Floats));
            for (int i = 0; i < 20; i++)
            {
                Gemm<V>.Run(GemmProblem.NN(200, 130, 900, a.Floats, b.Floats, again.Floats));
                Assert.True(first.Span.SequenceEqual(again.Span));
            }
        }
    }

    /// <summary>A linear layer of a single sample has a loop of its own, where columns lie one after another.</summary>
    private sealed class SingleRows : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(93);
            foreach (nint columns in (nint[])[1, 3, 4, 5, 8, 10, 127, 1000])
            {
                foreach (nint depth in (nint[])[1, 4, 15, 16, 17, 31, 33, 64, 1280])
                {
                    foreach (bool add in (bool[])[false, true])
                    {
                        Check<V>(random, 1, columns, depth, transposeA: false, transposeB: true, add, gap: 0);
                        Check<V>(random, 1, columns, depth, transposeA: false, transposeB: true, add, gap: 3);
                    }
                }
            }
        }
    }

    private sealed class Batches : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(11);
            foreach ((nint outer, nint inner) in ((nint, nint)[])[(0, 3), (1, 1), (2, 3), (5, 1), (4, 7)])
            {
                (nint rows, nint columns, nint depth) = (random.Next(1, 40), random.Next(1, 70), random.Next(1, 50));

                // As in attention: heads side by side in the rows of A and B, results one after another; the outer items share B.
                using var a = TestMemory.Random(Math.Max(1, outer) * rows * inner * depth, random);
                using var b = TestMemory.Random(columns * inner * depth, random);
                using var c = new TestMemory(Math.Max(1, outer) * inner * rows * columns);
                using var single = new TestMemory(rows * columns);
                var problem = new GemmProblem(rows, columns, depth) { A = a.Floats, ARow = inner * depth, B = b.Floats, BRow = 1, BColumn = inner * depth, C = c.Floats };
                Gemm<V>.Run(problem, new GemmBatch(outer, inner) { AOuter = rows * inner * depth, AInner = depth, BInner = depth, COuter = inner * rows * columns, CInner = rows * columns });
                for (nint item = 0; item < outer * inner; item++)
                {
                    GemmProblem one = problem;
                    one.A = a.Floats + ((item / inner * rows * inner * depth) + (item % inner * depth));
                    one.B = b.Floats + (item % inner * depth);
                    one.C = single.Floats;
                    Gemm<V>.Run(one);
                    Assert.True(single.Span.SequenceEqual(c.Span.Slice((int)(item * rows * columns), (int)(rows * columns))), $"item {item} of {outer} x {inner}");
                }
            }
        }
    }
}
