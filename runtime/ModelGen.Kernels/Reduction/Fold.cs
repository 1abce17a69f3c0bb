using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>
/// Folds the middle dimension of <c>[outer, length, inner]</c>. Memory is read once and in order. How numbers are joined depends on the sizes alone: chains of at most a few hundred
/// numbers whose results form a tree, so that errors of sums grow with the logarithm of the length and results are the same for every number of workers. Long dimensions
/// are cut, so that all workers have a part even where <c>outer</c> is 1.
/// </summary>
internal static unsafe class Fold<V, TFold>
    where V : unmanaged, IVector<V>
    where TFold : unmanaged, IFold<V>
{
    /// <summary>Numbers of a row that are joined in float32; what they give is joined in float64.</summary>
    private const nint RowPiece = 16384;

    /// <summary>Rows that a piece of columns joins.</summary>
    private const nint ColumnPiece = 256;

    /// <summary>Columns that are joined at a time: their results stay in the nearest cache.</summary>
    private const nint MostColumns = 2048;

    /// <summary>Narrow rows are taken several at a time until they are as wide as this.</summary>
    private const nint FewestColumns = 256;

    /// <summary>Folds.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the folded one.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="scale">Factor of the results.</param>
    /// <param name="result">Result [outer, inner].</param>
    public static void Run(float* x, nint outer, nint length, nint inner, float scale, float* result)
    {
        if (inner == 1)
        {
            Rows(x, outer, length, scale, result);
            return;
        }

        nint together = length >= 2 * (FewestColumns / inner) ? Math.Max(1, FewestColumns / inner) : 1;
        nint wide = length / together;
        var job = new ColumnJob { X = x, Length = length, Inner = inner, Together = together, Scale = scale };
        job.Pieces = Math.Max(1, (wide + ColumnPiece - 1) / ColumnPiece);
        job.Blocks = together > 1 ? 1 : (inner + MostColumns - 1) / MostColumns;
        nint width = Math.Min(together * inner, MostColumns);
        nint padded = ColumnSums<V>.Padded(width);
        nint perUnit = Math.Max(1, Math.Min(wide, ColumnPiece) * width);
        nint units = outer * job.Blocks * job.Pieces;
        int workers = Workers.For(units, 1 + (16384 / perUnit));
        float* sums = Scratch.Floats((workers * padded) + (job.Pieces > 1 ? outer * job.Pieces * inner * 2 : 0));
        job.Sums = sums;
        job.Padded = padded;
        job.Result = result;
        job.Numbers = job.Pieces > 1 ? (double*)(sums + (workers * padded)) : null;
        Workers.Run(ref job, units, 1 + (16384 / perUnit));
        if (job.Pieces > 1)
        {
            var join = new JoinJob { Numbers = job.Numbers, Pieces = job.Pieces, Inner = inner, Scale = scale, Result = result };
            Workers.Run(ref join, outer, 1 + (16384 / (job.Pieces * inner)));
        }
    }

    private static void Rows(float* x, nint outer, nint length, float scale, float* result)
    {
        nint pieces = Math.Max(1, (length + RowPiece - 1) / RowPiece);
        var job = new RowJob { X = x, Length = length, Pieces = pieces, Scale = scale, Result = result };
        if (pieces == 1)
        {
            Workers.Run(ref job, outer, 1 + (RowPiece / Math.Max(length, 1)));
            return;
        }

        job.Numbers = (double*)Scratch.Floats(outer * pieces * 2);
        Workers.Run(ref job, outer * pieces, 2);
        var join = new JoinJob { Numbers = job.Numbers, Pieces = pieces, Inner = 1, Scale = scale, Result = result };
        join.Run(0, outer, 0);
    }

    private struct RowJob : IRange
    {
        public float* X;
        public nint Length;
        public nint Pieces;
        public float Scale;
        public double* Numbers;
        public float* Result;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint unit = from; unit < to; unit++)
            {
                (nint row, nint piece) = (unit / Pieces, unit % Pieces);
                nint start = piece * RowPiece;
                double joined = Row(X + (row * Length) + start, Math.Min(RowPiece, Length - start));
                if (Numbers is null)
                {
                    Result[row] = (float)(TFold.Finish(joined) * Scale);
                }
                else
                {
                    Numbers[unit] = joined;
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static double Row(float* x, nint length)
        {
            nint whole = length / V.Count * V.Count;
            V joined = Whole(x, whole);
            return TFold.Lanes(whole == length ? joined : TFold.Join(joined, TFold.First(x + whole, (int)(length - whole))));
        }

        /// <summary>Joins whole vectors. Nothing is called here: the JIT would keep what is joined in memory.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static V Whole(float* x, nint length)
        {
            V a = TFold.Start, b = a, c = a, d = a;
            nint i = 0;
            for (; i + (4 * V.Count) <= length; i += 4 * V.Count)
            {
                a = TFold.Join(a, TFold.Map(V.Load(x + i)));
                b = TFold.Join(b, TFold.Map(V.Load(x + i + V.Count)));
                c = TFold.Join(c, TFold.Map(V.Load(x + i + (2 * V.Count))));
                d = TFold.Join(d, TFold.Map(V.Load(x + i + (3 * V.Count))));
            }

            for (; i < length; i += V.Count)
            {
                a = TFold.Join(a, TFold.Map(V.Load(x + i)));
            }

            return TFold.Join(TFold.Join(a, b), TFold.Join(c, d));
        }
    }

    private struct ColumnJob : IRange
    {
        public float* X;
        public nint Length;
        public nint Inner;

        /// <summary>Rows that are one wide row.</summary>
        public nint Together;
        public nint Pieces;
        public nint Blocks;
        public float Scale;
        public float* Sums;
        public nint Padded;
        public double* Numbers;
        public float* Result;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            float* own = Sums + (worker * Padded);
            nint rows = Length / Together;
            for (nint unit = from; unit < to; unit++)
            {
                (nint line, nint block) = (unit / Blocks, unit % Blocks);
                (nint outer, nint piece) = (line / Pieces, line % Pieces);
                nint column = block * MostColumns;
                nint width = Math.Min(MostColumns, (Together * Inner) - column);
                nint first = piece * ColumnPiece;
                float* start = X + (outer * Length * Inner);
                Columns(own, start + (first * Together * Inner) + column, Math.Min(ColumnPiece, rows - first), width);
                bool last = piece == Pieces - 1;
                Give(own, start, outer, piece, column, Together > 1 ? Inner : width, last ? rows * Together : Length);
            }
        }

        /// <summary>Joins rows into sums of columns, four rows at a time.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Columns(float* own, float* x, nint rows, nint width)
        {
            nint step = Together * Inner;
            for (nint i = 0; i < width; i += V.Count)
            {
                TFold.Start.Store(own + i);
            }

            nint row = 0;
            for (; row + 4 <= rows; row += 4, x += 4 * step)
            {
                float* x1 = x + step;
                float* x2 = x1 + step;
                float* x3 = x2 + step;
                for (nint i = 0; i < width; i += V.Count)
                {
                    V a = TFold.Join(TFold.Map(V.Load(x + i)), TFold.Map(V.Load(x1 + i)));
                    V b = TFold.Join(TFold.Map(V.Load(x2 + i)), TFold.Map(V.Load(x3 + i)));
                    TFold.Join(V.Load(own + i), TFold.Join(a, b)).Store(own + i);
                }
            }

            for (; row < rows; row++, x += step)
            {
                for (nint i = 0; i < width; i += V.Count)
                {
                    TFold.Join(V.Load(own + i), TFold.Map(V.Load(x + i))).Store(own + i);
                }
            }
        }

        /// <summary>Joins the rows that were taken together, and those that were left over, and gives the result to whoever needs it.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Give(float* own, float* start, nint outer, nint piece, nint column, nint columns, nint left)
        {
            for (nint i = 0; i < columns; i++)
            {
                double joined = own[i];
                for (nint row = 1; row < Together; row++)
                {
                    joined = TFold.Join(joined, own[(row * Inner) + i]);
                }

                for (nint row = left; row < Length; row++)
                {
                    joined = TFold.Join(joined, TFold.Lanes(TFold.First(start + (row * Inner) + i, 1)));
                }

                if (Numbers is null)
                {
                    Result[(outer * Inner) + column + i] = (float)(TFold.Finish(joined) * Scale);
                }
                else
                {
                    Numbers[(((outer * Pieces) + piece) * Inner) + column + i] = joined;
                }
            }
        }
    }

    /// <summary>Joins the results of pieces.</summary>
    private struct JoinJob : IRange
    {
        public double* Numbers;
        public nint Pieces;
        public nint Inner;
        public float Scale;
        public float* Result;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint outer = from; outer < to; outer++)
            {
                double* numbers = Numbers + (outer * Pieces * Inner);
                for (nint i = 0; i < Inner; i++)
                {
                    double joined = TFold.StartNumber;
                    for (nint piece = 0; piece < Pieces; piece++)
                    {
                        joined = TFold.Join(joined, numbers[(piece * Inner) + i]);
                    }

                    Result[(outer * Inner) + i] = (float)(TFold.Finish(joined) * Scale);
                }
            }
        }
    }
}
