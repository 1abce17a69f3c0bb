using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>What is summed over the rows of a matrix: two numbers for each element.</summary>
internal interface IColumnTerm<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>The numbers of a vector of elements.</summary>
    /// <param name="index">Place of the first element in the matrix.</param>
    /// <param name="column">Its column.</param>
    /// <param name="a">First numbers.</param>
    /// <param name="b">Second numbers.</param>
    void At(nint index, nint column, out V a, out V b);
}

/// <summary>Sums over the rows of a matrix. Each worker sums some rows, in blocks, so that errors grow with the root of the number of rows at most; parts are added in order.</summary>
internal static unsafe class ColumnSums<V>
    where V : unmanaged, IVector<V>
{
    private const nint RowBlock = 256;

    /// <summary>Floats that <see cref="Run"/> needs.</summary>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    public static long Floats(nint rows, nint columns) => 2 * (long)Padded(columns) * Parts(rows, columns);

    /// <summary>Columns of an array of sums.</summary>
    public static nint Padded(nint columns) => (columns + V.Count - 1) / V.Count * V.Count;

    /// <summary>Sums both numbers of a term over all rows.</summary>
    /// <param name="term">The term.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="sums">Memory of <see cref="Floats"/>; receives the sums of the first numbers and, <see cref="Padded"/> further, those of the second.</param>
    public static void Run<TTerm>(TTerm term, nint rows, nint columns, float* sums)
        where TTerm : unmanaged, IColumnTerm<V>
    {
        int parts = Parts(rows, columns);
        var job = new Job<TTerm> { Term = term, Rows = rows, Columns = columns, Sums = sums, Parts = parts };
        Workers.Run(ref job, parts);
        nint size = 2 * Padded(columns);
        for (nint part = 1; part < parts; part++)
        {
            for (nint i = 0; i < size; i += V.Count)
            {
                (V.Load(sums + i) + V.Load(sums + (part * size) + i)).Store(sums + i);
            }
        }
    }

    private static int Parts(nint rows, nint columns) => Workers.For(rows, 1 + (16384 / Math.Max(columns, 1)));

    private struct Job<TTerm> : IRange
        where TTerm : unmanaged, IColumnTerm<V>
    {
        public TTerm Term;
        public nint Rows;
        public nint Columns;
        public float* Sums;
        public int Parts;

        public readonly void Run(nint from, nint to, int worker)
        {
            nint size = Padded(Columns);
            for (nint part = from; part < to; part++)
            {
                float* own = Sums + (part * 2 * size);
                new Span<float>(own, (int)(2 * size)).Clear();
                nint end = Rows * (part + 1) / Parts;
                for (nint row = Rows * part / Parts; row < end; row += RowBlock)
                {
                    Block(own, size, row, Math.Min(end, row + RowBlock));
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Block(float* own, nint size, nint from, nint to)
        {
            nint column = 0;
            for (; column + (4 * V.Count) <= size; column += 4 * V.Count)
            {
                Four(own + column, size, from, to, column);
            }

            for (; column < size; column += V.Count)
            {
                V sumA = V.Zero;
                V sumB = V.Zero;
                for (nint row = from; row < to; row++)
                {
                    Term.At((row * Columns) + column, column, out V a, out V b);
                    sumA += a;
                    sumB += b;
                }

                Add(own + column, sumA);
                Add(own + size + column, sumB);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Four(float* own, nint size, nint from, nint to, nint column)
        {
            V a0 = V.Zero, a1 = V.Zero, a2 = V.Zero, a3 = V.Zero, b0 = V.Zero, b1 = V.Zero, b2 = V.Zero, b3 = V.Zero;
            nint index = (from * Columns) + column;
            for (nint row = from; row < to; row++, index += Columns)
            {
                Term.At(index, column, out V a, out V b);
                a0 += a;
                b0 += b;
                Term.At(index + V.Count, column + V.Count, out a, out b);
                a1 += a;
                b1 += b;
                Term.At(index + (2 * V.Count), column + (2 * V.Count), out a, out b);
                a2 += a;
                b2 += b;
                Term.At(index + (3 * V.Count), column + (3 * V.Count), out a, out b);
                a3 += a;
                b3 += b;
            }

            Add(own, a0);
            Add(own + V.Count, a1);
            Add(own + (2 * V.Count), a2);
            Add(own + (3 * V.Count), a3);
            Add(own + size, b0);
            Add(own + size + V.Count, b1);
            Add(own + size + (2 * V.Count), b2);
            Add(own + size + (3 * V.Count), b3);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Add(float* place, V value) => (V.Load(place) + value).Store(place);
    }
}
