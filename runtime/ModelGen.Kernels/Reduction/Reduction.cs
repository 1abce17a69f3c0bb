using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Sums along a dimension. They are taken in parts of a fixed order, so that errors stay near those of a pairwise sum.</summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe class Reduction<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Numbers of a row that are summed in float32; their sums are added in float64.</summary>
    private const nint Part = 16384;

    /// <summary>Rows whose columns are summed before their sums are added to those of the rows before.</summary>
    private const nint BlockRows = 256;

    /// <summary>Columns that a worker takes at a time.</summary>
    private const nint BlockColumns = 64;

    /// <summary>Sums the middle dimension of <c>[outer, length, inner]</c>.</summary>
    /// <param name="x">Operand.</param>
    /// <param name="outer">Size of the first dimension.</param>
    /// <param name="length">Size of the summed one.</param>
    /// <param name="inner">Size of the last.</param>
    /// <param name="scale">Factor of the sums: 1 / length for means.</param>
    /// <param name="result">Result [outer, inner].</param>
    public static void Sum(Floats x, nint outer, nint length, nint inner, float scale, Floats result)
    {
        if (inner == 1 && outer == 1 && length > Part)
        {
            // One long sum: parts first, then the sum of the parts.
            nint parts = (length + Part - 1) / Part;
            float* sums = Scratch.Floats(parts + 16);
            var job = new RowJob { X = x, Rows = parts, Length = Part, Total = length, Scale = 1, Result = sums };
            Workers.Run(ref job, parts, 2);
            double sum = 0;
            for (nint i = 0; i < parts; i++)
            {
                sum += sums[i];
            }

            result[0] = (float)(sum * scale);
        }
        else if (inner == 1)
        {
            var job = new RowJob { X = x, Rows = outer, Length = length, Total = outer * length, Scale = scale, Result = result };
            Workers.Run(ref job, outer, 1 + (16384 / Math.Max(length, 1)));
        }
        else if (outer == 1)
        {
            float* sums = Scratch.Floats(ColumnSums<V>.Floats(length, inner));
            ColumnSums<V>.Run(new Element { X = x }, length, inner, sums);
            for (nint i = 0; i < inner; i++)
            {
                result[i] = sums[i] * scale;
            }
        }
        else
        {
            var job = new MiddleJob { X = x, Length = length, Inner = inner, Blocks = (inner + BlockColumns - 1) / BlockColumns, Scale = scale, Result = result };
            Workers.Run(ref job, outer * job.Blocks, 1 + (16384 / Math.Max(length * Math.Min(inner, BlockColumns), 1)));
        }
    }

    private struct Element : IColumnTerm<V>
    {
        public float* X;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At(nint index, nint column, out V a, out V b)
        {
            a = V.Load(X + index);
            b = V.Zero;
        }
    }

    private struct RowJob : IRange
    {
        public float* X;
        public nint Rows;
        public nint Length;
        public nint Total;
        public float Scale;
        public float* Result;

        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint row = from; row < to; row++)
            {
                nint length = Math.Min(Length, Total - (row * Length));
                float* start = X + (row * Length);
                double sum = 0;
                for (nint i = 0; i < length; i += Part)
                {
                    sum += Row(start + i, Math.Min(Part, length - i));
                }

                Result[row] = (float)(sum * Scale);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static double Row(float* x, nint length)
        {
            V s0 = V.Zero, s1 = V.Zero, s2 = V.Zero, s3 = V.Zero;
            nint i = 0;
            for (; i + (4 * V.Count) <= length; i += 4 * V.Count)
            {
                s0 += V.Load(x + i);
                s1 += V.Load(x + i + V.Count);
                s2 += V.Load(x + i + (2 * V.Count));
                s3 += V.Load(x + i + (3 * V.Count));
            }

            for (; i + V.Count <= length; i += V.Count)
            {
                s0 += V.Load(x + i);
            }

            if (i < length)
            {
                s1 += V.LoadFirst(x + i, (int)(length - i));
            }

            return V.Sum(s0 + s1 + (s2 + s3));
        }
    }

    private struct MiddleJob : IRange
    {
        public float* X;
        public nint Length;
        public nint Inner;
        public nint Blocks;
        public float Scale;
        public float* Result;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Run(nint from, nint to, int worker)
        {
            for (nint unit = from; unit < to; unit++)
            {
                (nint outer, nint block) = (unit / Blocks, unit % Blocks);
                float* start = X + (outer * Length * Inner);
                nint end = Math.Min((block + 1) * BlockColumns, Inner);
                for (nint column = block * BlockColumns; column < end; column += V.Count)
                {
                    V sum = V.Zero;
                    float* place = start + column;
                    for (nint first = 0; first < Length; first += BlockRows)
                    {
                        V even = V.Zero;
                        V odd = V.Zero;
                        nint last = Math.Min(first + BlockRows, Length);
                        nint row = first;
                        for (; row + 2 <= last; row += 2, place += 2 * Inner)
                        {
                            even += V.Load(place);
                            odd += V.Load(place + Inner);
                        }

                        if (row < last)
                        {
                            even += V.Load(place);
                            place += Inner;
                        }

                        sum += even + odd;
                    }

                    (sum * V.All(Scale)).StoreFirst(Result + (outer * Inner) + column, (int)Math.Min(V.Count, Inner - column));
                }
            }
        }
    }
}
