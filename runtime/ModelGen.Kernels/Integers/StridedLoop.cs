using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>What is done with a run of the innermost dimension: places of the operands and of the result, which lies by rows, and the distances of neighbours.</summary>
internal interface IStridedLine
{
    void Run(nint a, nint aStep, nint b, nint bStep, nint c, nint cStep, nint result, nint count);
}

/// <summary>Loops over up to three operands of one broadcast shape.</summary>
internal static class StridedLoop
{
    private const int MostDimensions = 8;

    /// <summary>Runs a body over all elements.</summary>
    /// <param name="body">The body.</param>
    /// <param name="sizes">Sizes, outermost first.</param>
    /// <param name="a">Strides of the first operand.</param>
    /// <param name="b">Strides of the second.</param>
    /// <param name="c">Strides of the third.</param>
    /// <param name="worth">Elements that are worth a worker.</param>
    public static void Run<TLine>(TLine body, ReadOnlySpan<nint> sizes, ReadOnlySpan<nint> a, ReadOnlySpan<nint> b, ReadOnlySpan<nint> c, nint worth)
        where TLine : unmanaged, IStridedLine
    {
        var job = new Job<TLine> { Body = body };
        int rank = 0;
        nint count = 1;
        for (int i = 0; i < sizes.Length; i++)
        {
            count *= sizes[i];
            if (sizes[i] == 1)
            {
                continue;
            }

            // Neighbours that lie together in all operands are one dimension.
            bool joined = rank > 0 && job.A[rank - 1] == a[i] * sizes[i] && job.B[rank - 1] == b[i] * sizes[i] && job.C[rank - 1] == c[i] * sizes[i];
            rank = joined ? rank : rank + 1;
            job.Sizes[rank - 1] = joined ? job.Sizes[rank - 1] * sizes[i] : sizes[i];
            (job.A[rank - 1], job.B[rank - 1], job.C[rank - 1]) = (a[i], b[i], c[i]);
        }

        if (rank == 0)
        {
            job.Sizes[rank++] = 1;
        }

        if (count == 0)
        {
            return;
        }

        job.Rank = rank;
        nint inner = job.Sizes[rank - 1];
        Workers.Run(ref job, count / inner, Math.Max(1, worth / inner));
    }

    private struct Job<TLine> : IRange
        where TLine : unmanaged, IStridedLine
    {
        public TLine Body;
        public Dimensions Sizes;
        public Dimensions A;
        public Dimensions B;
        public Dimensions C;
        public int Rank;

        public readonly void Run(nint from, nint to, int worker)
        {
            int inner = Rank - 1;
            for (nint row = from; row < to; row++)
            {
                (nint a, nint b, nint c, nint rest) = ((nint)0, (nint)0, (nint)0, row);
                for (int i = inner - 1; i >= 0; i--)
                {
                    nint index = rest % Sizes[i];
                    rest /= Sizes[i];
                    a += index * A[i];
                    b += index * B[i];
                    c += index * C[i];
                }

                Body.Run(a, A[inner], b, B[inner], c, C[inner], row * Sizes[inner], Sizes[inner]);
            }
        }
    }

    [InlineArray(MostDimensions)]
    private struct Dimensions
    {
        private nint first;
    }
}
