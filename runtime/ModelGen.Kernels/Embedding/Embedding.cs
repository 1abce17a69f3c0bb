using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Rows of a table by their numbers, and the gradient of the table.</summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Embedding<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Vectors of the widest row that is copied without a call.</summary>
    private const nint MostVectors = 4;

    /// <summary>Copies rows.</summary>
    /// <param name="table">Table [vocabulary, width].</param>
    /// <param name="vocabulary">Rows of the table.</param>
    /// <param name="width">Columns.</param>
    /// <param name="indices">Numbers of rows [count].</param>
    /// <param name="count">How many.</param>
    /// <param name="result">Result [count, width].</param>
    /// <returns>-1, or the position of the first number that is no row; then nothing was copied.</returns>
    public static nint Forward(Floats table, nint vocabulary, nint width, Longs indices, nint count, Floats result)
    {
        nint invalid = Indexing.Outside(indices, count, vocabulary);
        if (invalid >= 0)
        {
            return invalid;
        }

        var job = new ForwardJob { Table = table, Width = width, Indices = indices.Address, Result = result };
        Workers.Share(ref job, count, 1 + (16384 / Math.Max(width, 1)));
        return -1;
    }

    /// <summary>
    /// Adds the gradients of all uses of a row; rows that are not used become zero. Each worker owns some columns of a wide table, or some rows of a narrow one, so that sums have one
    /// order for every number of workers. But for the zeros the cost depends on the uses alone.
    /// </summary>
    /// <param name="gradient">Gradient of the result [count, width].</param>
    /// <param name="vocabulary">Rows of the table.</param>
    /// <param name="width">Columns.</param>
    /// <param name="indices">Numbers of rows [count]; checked by the forward pass.</param>
    /// <param name="count">How many.</param>
    /// <param name="padding">A row that takes no gradient; -1 for none.</param>
    /// <param name="result">Gradient of the table [vocabulary, width].</param>
    public static void Backward(Floats gradient, nint vocabulary, nint width, Longs indices, nint count, nint padding, Floats result)
    {
        Movement<V>.Fill(result, vocabulary * width, 0);
        var job = new BackwardJob { Gradient = gradient, Width = width, Indices = indices.Address, Count = count, Padding = padding, Result = result };
        nint blocks = (width + 15) / 16;
        if (blocks >= Workers.Available)
        {
            Workers.Run(ref job, blocks, 1 + (16384 / Math.Max(16 * count, 1)));
            return;
        }

        // Each worker reads all numbers and leaves out those of others.
        var rows = new RowsJob { Columns = job };
        Workers.Run(ref rows, RowsJob.Shares, 1 + (RowsJob.Shares * 8192 / Math.Max(width * count, 1)));
    }

    private struct ForwardJob : IRange
    {
        public float* Table;
        public nint Width;
        public long* Indices;
        public float* Result;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            // A call for each short row would take longer than copying it.
            if (Width <= V128.Count)
            {
                Short<V128>(Table, Width, Indices, from, to, Result);
            }
            else if (Width <= V256.Count && V.Count >= V256.Count)
            {
                Short<V256>(Table, Width, Indices, from, to, Result);
            }
            else if (Width <= MostVectors * V.Count)
            {
                Short<V>(Table, Width, Indices, from, to, Result);
            }
            else
            {
                for (nint i = from; i < to; i++)
                {
                    Buffer.MemoryCopy(Table + ((nint)Indices[i] * Width), Result + (i * Width), Width * sizeof(float), Width * sizeof(float));
                }
            }
        }

        /// <summary>Copies rows in whole registers, in order: what is too much is overwritten by the next rows, and only the last ones end exactly.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static void Short<TRow>(float* table, nint width, long* indices, nint from, nint to, float* result)
            where TRow : unmanaged, IVector<TRow>
        {
            float* end = result + (to * width);
            float* target = result + (from * width);
            nint i = from;
            for (; target + width + TRow.Count <= end; i++, target += width)
            {
                float* source = table + ((nint)indices[i] * width);
                for (nint column = 0; column < width; column += TRow.Count)
                {
                    TRow.Load(source + column).Store(target + column);
                }
            }

            for (; i < to; i++, target += width)
            {
                float* source = table + ((nint)indices[i] * width);
                for (nint column = 0; column < width; column += TRow.Count)
                {
                    int lanes = (int)Math.Min(TRow.Count, width - column);
                    TRow.LoadFirst(source + column, lanes).StoreFirst(target + column, lanes);
                }
            }
        }
    }

    private struct BackwardJob : IRange
    {
        public float* Gradient;
        public nint Width;
        public long* Indices;
        public nint Count;
        public nint Padding;
        public float* Result;

        public readonly void Run(nint from, nint to, int worker) => Add(from * 16, Math.Min(to * 16, Width), 0, RowsJob.Shares);

        /// <summary>Adds some columns of the gradients of rows in some shares.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Add(nint first, nint end, nint share, nint shareEnd)
        {
            for (nint i = 0; i < Count; i++)
            {
                nint row = (nint)Indices[i];
                nint own = row & (RowsJob.Shares - 1);
                if (row == Padding || own < share || own >= shareEnd)
                {
                    continue;
                }

                float* source = Gradient + (i * Width);
                float* target = Result + (row * Width);
                nint column = first;
                for (; column + V.Count <= end; column += V.Count)
                {
                    (V.Load(target + column) + V.Load(source + column)).Store(target + column);
                }

                if (column < end)
                {
                    int lanes = (int)(end - column);
                    (V.LoadFirst(target + column, lanes) + V.LoadFirst(source + column, lanes)).StoreFirst(target + column, lanes);
                }
            }
        }
    }

    /// <summary>The same by rows: neighbours belong to different shares, as the numbers of frequent tokens are often close to each other.</summary>
    private struct RowsJob : IRange
    {
        /// <summary>Shares of the rows, a power of two.</summary>
        public const nint Shares = 256;

        public BackwardJob Columns;

        public readonly void Run(nint from, nint to, int worker) => Columns.Add(0, Columns.Width, from, to);
    }
}
