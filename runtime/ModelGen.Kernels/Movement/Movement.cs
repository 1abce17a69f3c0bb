using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Copies of numbers from one order in memory to another.</summary>
/// <typeparam name="V">Register.</typeparam>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe partial class Movement<V>
    where V : unmanaged, IVector<V>
{
    private const int MostDimensions = 8;

    /// <summary>Fills with a number.</summary>
    /// <param name="target">First place.</param>
    /// <param name="count">Number of places.</param>
    /// <param name="value">The number.</param>
    public static void Fill(Floats target, nint count, float value)
    {
        var job = new FillJob { Target = target, Count = count, Value = value };
        Workers.Run(ref job, (count + 1023) / 1024, 32);
    }

    /// <summary>Copies a tensor: element (i, j, ...) from <c>i * fromStrides[0] + j * fromStrides[1] ...</c> to <c>i * toStrides[0] + ...</c></summary>
    /// <param name="from">Source; strides of 0 repeat.</param>
    /// <param name="to">Target; it does not overlap the source.</param>
    /// <param name="sizes">Sizes, outermost of the target first; at most 8 dimensions.</param>
    /// <param name="fromStrides">Strides of the source.</param>
    /// <param name="toStrides">Strides of the target.</param>
    public static void Copy(Floats from, Floats to, ReadOnlySpan<nint> sizes, ReadOnlySpan<nint> fromStrides, ReadOnlySpan<nint> toStrides)
    {
        var job = new CopyJob { From = from, To = to };
        int rank = 0;
        for (int i = 0; i < sizes.Length; i++)
        {
            if (sizes[i] == 0)
            {
                return;
            }

            if (sizes[i] == 1)
            {
                continue;
            }

            if (rank > 0 && job.FromStrides[rank - 1] == fromStrides[i] * sizes[i] && job.ToStrides[rank - 1] == toStrides[i] * sizes[i])
            {
                job.Sizes[rank - 1] *= sizes[i];
            }
            else
            {
                job.Sizes[rank++] = sizes[i];
            }

            job.FromStrides[rank - 1] = fromStrides[i];
            job.ToStrides[rank - 1] = toStrides[i];
        }

        if (rank == 0)
        {
            to[0] = from[0];
            return;
        }

        if (TryTaps(job, rank))
        {
            return;
        }

        // The dimension along which the source is contiguous, where that is not the innermost one: both form squares that are turned in registers.
        int inner = rank - 1;
        int turned = -1;
        for (int i = 0; i < inner && job.FromStrides[inner] != 1 && job.FromStrides[inner] != 0 && job.ToStrides[inner] == 1; i++)
        {
            turned = job.FromStrides[i] == 1 ? i : turned;
        }

        if (turned >= 0)
        {
            // It comes second to last.
            (nint size, nint source, nint target) = (job.Sizes[turned], job.FromStrides[turned], job.ToStrides[turned]);
            for (int i = turned; i < inner - 1; i++)
            {
                (job.Sizes[i], job.FromStrides[i], job.ToStrides[i]) = (job.Sizes[i + 1], job.FromStrides[i + 1], job.ToStrides[i + 1]);
            }

            (job.Sizes[inner - 1], job.FromStrides[inner - 1], job.ToStrides[inner - 1]) = (size, source, target);
        }

        job.Turns = turned >= 0;
        nint rows = 1;
        for (int i = 0; i < inner; i++)
        {
            rows *= job.Turns && i == inner - 1 ? (job.Sizes[i] + V.Count - 1) / V.Count : job.Sizes[i];
        }

        job.Rank = rank;
        if (rank == 1)
        {
            job.Line = job.Sizes[0];
            Workers.Run(ref job, (job.Line + 1023) / 1024, 32);
        }
        else
        {
            Workers.Run(ref job, rows, 1 + (32768 / (job.Sizes[inner] * (job.Turns ? V.Count : 1))));
        }
    }

    private struct FillJob : IRange
    {
        public float* Target;
        public nint Count;
        public float Value;

        public readonly void Run(nint from, nint to, int worker) => new Span<float>(Target + (from * 1024), (int)(Math.Min(to * 1024, Count) - (from * 1024))).Fill(Value);
    }

    private struct CopyJob : IRange
    {
        public float* From;
        public float* To;
        public Dimensions Sizes;
        public Dimensions FromStrides;
        public Dimensions ToStrides;
        public int Rank;
        public nint Line;
        public bool Turns;

        public readonly void Run(nint from, nint to, int worker)
        {
            if (Rank == 1)
            {
                nint start = from * 1024;
                Row(From + (start * FromStrides[0]), To + (start * ToStrides[0]), Math.Min(to * 1024, Line) - start);
                return;
            }

            int inner = Rank - 1;
            for (nint row = from; row < to; row++)
            {
                float* source = From;
                float* target = To;
                nint rest = row;
                nint first = 0;
                for (int i = inner - 1; i >= 0; i--)
                {
                    bool block = Turns && i == inner - 1;
                    nint size = block ? (Sizes[i] + V.Count - 1) / V.Count : Sizes[i];
                    nint index = rest % size;
                    rest /= size;
                    first = block ? index * V.Count : first;
                    index = block ? first : index;
                    source += index * FromStrides[i];
                    target += index * ToStrides[i];
                }

                if (Turns)
                {
                    Turn(source, target, Math.Min(V.Count, Sizes[inner - 1] - first));
                }
                else
                {
                    Row(source, target, Sizes[inner]);
                }
            }
        }

        /// <summary>A strip of up to V.Count lines of the target, whose numbers lie side by side in the source.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Turn(float* source, float* target, nint lines)
        {
            int inner = Rank - 1;
            (nint count, nint step, nint line) = (Sizes[inner], FromStrides[inner], ToStrides[inner - 1]);
            nint i = 0;
            if (lines == V.Count)
            {
                for (; i + V.Count <= count; i += V.Count)
                {
                    V.Transpose(source + (i * step), step, target + i, line);
                }
            }

            for (; i < count; i++)
            {
                for (nint j = 0; j < lines; j++)
                {
                    target[(j * line) + i] = source[(i * step) + j];
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Row(float* source, float* target, nint count)
        {
            (nint from, nint to) = (FromStrides[Rank - 1], ToStrides[Rank - 1]);
            if (from == 1 && to == 1)
            {
                Buffer.MemoryCopy(source, target, count * sizeof(float), count * sizeof(float));
            }
            else if (from == 0 && to == 1)
            {
                new Span<float>(target, (int)count).Fill(*source);
            }
            else
            {
                for (nint i = 0; i < count; i++)
                {
                    target[i * to] = source[i * from];
                }
            }
        }
    }

    [InlineArray(MostDimensions)]
    private struct Dimensions
    {
        private nint first;
    }
}
