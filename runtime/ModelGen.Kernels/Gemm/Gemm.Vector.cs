using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <content>
/// One row times columns that lie one after another, as in a linear layer of a single sample: every weight is used once, so that packing them would cost several times what reading
/// them does.
/// </content>
public static unsafe partial class Gemm<V>
{
    /// <summary>Columns whose sums are kept at a time.</summary>
    private const nint VectorColumns = 4;

    private static bool IsVector(in GemmProblem problem) => problem is { Rows: 1, AColumn: 1, BRow: 1 } && problem.Depth >= V.Count;

    private static void RunVector<TEpilogue>(in GemmProblem problem, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue
    {
        var job = new VectorJob<TEpilogue> { Problem = problem, Epilogue = epilogue };
        Workers.Run(ref job, Panels(problem.Columns, 2 * VectorColumns), 1 + (16384 / (2 * VectorColumns * problem.Depth)));
    }

    /// <summary>Units are twice <see cref="VectorColumns"/>.</summary>
    private struct VectorJob<TEpilogue> : IRange
        where TEpilogue : unmanaged, ITileEpilogue
    {
        public GemmProblem Problem;
        public TEpilogue Epilogue;

        public void Run(nint from, nint to, int worker)
        {
            nint first = from * 2 * VectorColumns;
            nint last = Math.Min(Problem.Columns, to * 2 * VectorColumns);
            nint column = first;
            for (; column + VectorColumns <= last; column += VectorColumns)
            {
                Four(Problem.B + (column * Problem.BColumn), Problem.C + column);
            }

            for (; column < last; column++)
            {
                One(Problem.B + (column * Problem.BColumn), Problem.C + column);
            }

            Epilogue.Run(Problem.C + first, Problem.CRow, 0, 1, first, last - first);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void Four(float* b, float* c)
        {
            nint step = Problem.BColumn;
            nint depth = Problem.Depth;
            float* a = Problem.A;
            V even0 = V.Zero, even1 = V.Zero, even2 = V.Zero, even3 = V.Zero;
            V odd0 = V.Zero, odd1 = V.Zero, odd2 = V.Zero, odd3 = V.Zero;
            float* far = b + (2 * step);
            nint k = 0;
            for (; k + (2 * V.Count) <= depth; k += 2 * V.Count)
            {
                V left = V.Load(a + k);
                V right = V.Load(a + k + V.Count);
                even0 = V.Fma(left, V.Load(b + k), even0);
                odd0 = V.Fma(right, V.Load(b + k + V.Count), odd0);
                even1 = V.Fma(left, V.Load(b + step + k), even1);
                odd1 = V.Fma(right, V.Load(b + step + k + V.Count), odd1);
                even2 = V.Fma(left, V.Load(far + k), even2);
                odd2 = V.Fma(right, V.Load(far + k + V.Count), odd2);
                even3 = V.Fma(left, V.Load(far + step + k), even3);
                odd3 = V.Fma(right, V.Load(far + step + k + V.Count), odd3);
            }

            for (; k < depth; k += V.Count)
            {
                int lanes = (int)Math.Min(V.Count, depth - k);
                V left = V.LoadFirst(a + k, lanes);
                even0 = V.Fma(left, V.LoadFirst(b + k, lanes), even0);
                even1 = V.Fma(left, V.LoadFirst(b + step + k, lanes), even1);
                even2 = V.Fma(left, V.LoadFirst(far + k, lanes), even2);
                even3 = V.Fma(left, V.LoadFirst(far + step + k, lanes), even3);
            }

            Put(c, V.Sum(even0 + odd0));
            Put(c + 1, V.Sum(even1 + odd1));
            Put(c + 2, V.Sum(even2 + odd2));
            Put(c + 3, V.Sum(even3 + odd3));
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private readonly void One(float* b, float* c)
        {
            nint depth = Problem.Depth;
            V sum = V.Zero;
            for (nint k = 0; k < depth; k += V.Count)
            {
                int lanes = (int)Math.Min(V.Count, depth - k);
                sum = V.Fma(V.LoadFirst(Problem.A + k, lanes), V.LoadFirst(b + k, lanes), sum);
            }

            Put(c, V.Sum(sum));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Put(float* c, float sum) => *c = Problem.Add ? *c + sum : sum;
    }
}
