namespace ModelGen.Kernels;

/// <content>Batches of products: each worker multiplies whole items, or all share each item when there are few.</content>
public static unsafe partial class Gemm<V>
{
    /// <summary>Computes a batch of products.</summary>
    /// <param name="problem">Operands and result of the first item.</param>
    /// <param name="batch">Number of items and distances between them.</param>
    public static void Run(in GemmProblem problem, in GemmBatch batch) => Run<FloatFormat<V>>(problem, batch);

    /// <summary>Computes a batch of products whose operands are packed in a given form.</summary>
    /// <param name="problem">Operands and result of the first item.</param>
    /// <param name="batch">Number of items and distances between them.</param>
    internal static void Run<TFormat>(in GemmProblem problem, in GemmBatch batch)
        where TFormat : struct, IPanelFormat<V>
    {
        nint items = batch.OuterCount * batch.InnerCount;
        if (problem.Rows == 0 || problem.Columns == 0 || items == 0)
        {
            return;
        }

        var job = new BatchJob<TFormat> { Problem = problem, Batch = batch };
        if (items < Workers.Available)
        {
            for (nint item = 0; item < items; item++)
            {
                Run<TFormat, NoEpilogue>(job.Item(item), default);
            }

            return;
        }

        job.BlockColumns = Math.Min(Panels(problem.Columns, PanelColumns) * PanelColumns, ColumnBlock);
        job.BlockDepth = Math.Min(problem.Depth, DepthBlock * TFormat.Numbers);
        job.Own = OwnScratch<TFormat>(job.BlockColumns, job.BlockDepth);
        nint work = problem.Rows * problem.Columns * Math.Max(problem.Depth, 1);
        nint perWorker = Math.Max(1, 100_000 / work);
        job.Scratch = Kernels.Scratch.Floats(job.Own * Workers.For(items, perWorker));
        Workers.Share(ref job, items, perWorker);
    }

    private struct BatchJob<TFormat> : IRange
        where TFormat : struct, IPanelFormat<V>
    {
        public GemmProblem Problem;
        public GemmBatch Batch;
        public nint BlockColumns;
        public nint BlockDepth;
        public nint Own;
        public float* Scratch;

        public readonly GemmProblem Item(nint item)
        {
            nint i = item / Batch.InnerCount;
            nint j = item % Batch.InnerCount;
            GemmProblem one = Problem;
            one.A = Problem.A + ((i * Batch.AOuter) + (j * Batch.AInner));
            one.B = Problem.B + ((i * Batch.BOuter) + (j * Batch.BInner));
            one.C = Problem.C + ((i * Batch.COuter) + (j * Batch.CInner));
            return one;
        }

        public void Run(nint from, nint to, int worker)
        {
            var job = new Job<TFormat, NoEpilogue> { Split = new GemmSplit(1, 1, 1), BlockColumns = BlockColumns, BlockDepth = BlockDepth };
            for (nint item = from; item < to; item++)
            {
                job.Problem = Item(item);
                new Part<TFormat, NoEpilogue>(ref job, 0).Multiply(Scratch + (worker * Own));
            }
        }
    }
}
