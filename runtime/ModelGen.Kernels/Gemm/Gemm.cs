using System.ComponentModel;
using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Products of float matrices.</summary>
/// <typeparam name="V">Register.</typeparam>
/// <remarks>
/// The result, and where it is small the depth, is cut among the workers; each packs what it needs of both operands itself. Packing shared pieces once would be less work but
/// slower: what one core writes and another reads has to move between their caches (measured: half the speed).
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
public static unsafe partial class Gemm<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>A panel of this depth, in places of four bytes, stays in the nearest cache while the other operand's panels pass by.</summary>
    private const nint DepthBlock = 384;

    /// <summary>A packed block of the right operand stays in the second cache.</summary>
    private const nint ColumnBlock = 512;

    /// <summary>Chunks that the rows of a worker's part are cut into, so that others can take some.</summary>
    private const nint ChunksOfPart = 6;

    /// <summary>Panels of rows of a chunk at most.</summary>
    private const nint LargestChunk = 16;

    private static nint PanelRows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => V.Registers >= 32 ? 12 : 6;
    }

    private static nint PanelColumns
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2 * V.Count;
    }

    /// <summary>Computes a product.</summary>
    /// <param name="problem">Operands and result.</param>
    public static void Run(in GemmProblem problem) => Run(problem, default(NoEpilogue));

    /// <summary>Computes a product and applies an epilogue to each finished tile.</summary>
    /// <param name="problem">Operands and result.</param>
    /// <param name="epilogue">What happens to finished tiles.</param>
    public static void Run<TEpilogue>(in GemmProblem problem, TEpilogue epilogue)
        where TEpilogue : unmanaged, ITileEpilogue => Run<FloatFormat<V>, TEpilogue>(problem, epilogue);

    /// <summary>Computes a product whose operands are packed in a given form.</summary>
    /// <param name="problem">Operands and result.</param>
    /// <param name="epilogue">What happens to finished tiles.</param>
    internal static void Run<TFormat, TEpilogue>(in GemmProblem problem, TEpilogue epilogue)
        where TFormat : struct, IPanelFormat<V>
        where TEpilogue : unmanaged, ITileEpilogue
    {
        if (problem.Rows == 0 || problem.Columns == 0)
        {
            return;
        }

        if (typeof(TFormat) == typeof(FloatFormat<V>) && IsVector(problem))
        {
            RunVector(problem, epilogue);
            return;
        }

        GemmSplit split = GemmSplit.Choose<V, TFormat>(problem);
        nint columns = Math.Min((Panels(problem.Columns, PanelColumns) + split.Columns - 1) / split.Columns * PanelColumns, ColumnBlock);
        nint depth = Math.Min(SliceDepth(problem.Depth, split.Depth, TFormat.Numbers), DepthBlock * TFormat.Numbers);
        nint own = OwnScratch<TFormat>(columns, depth);
        nint partial = split.Depth == 1 ? 0 : Padded(problem.Rows * problem.Columns);
        float* scratch = Kernels.Scratch.Floats((own * split.Workers) + (partial * (split.Depth - 1)));
        var job = new Job<TFormat, TEpilogue>
        {
            Problem = problem,
            Epilogue = epilogue,
            Split = split,
            Scratch = scratch,
            Own = own,
            BlockDepth = depth,
            BlockColumns = columns,
            Partials = scratch + (own * split.Workers),
            PartialSize = partial,
        };
        if (split.Workers > 1 && job.IsOneSlice)
        {
            Share(ref job);
            return;
        }

        Workers.Run(ref job, split.Workers);
        if (split.Depth > 1)
        {
            var sum = new Reduction<TEpilogue> { Problem = problem, Epilogue = epilogue, Partials = job.Partials, PartialSize = partial, Count = split.Depth - 1 };
            Workers.Run(ref sum, problem.Rows, Math.Max(1, 8192 / problem.Columns));
        }
    }

    /// <summary>Cuts the parts into chunks of rows, which workers that are done take from others.</summary>
    private static void Share<TFormat, TEpilogue>(ref Job<TFormat, TEpilogue> job)
        where TFormat : struct, IPanelFormat<V>
        where TEpilogue : unmanaged, ITileEpilogue
    {
        int workers = job.Split.Workers;
        nint panels = Panels(Panels(job.Problem.Rows, PanelRows), job.Split.Rows);
        nint chunk = Panels(Math.Clamp(Panels(panels, ChunksOfPart), 1, LargestChunk), TFormat.RowPanels) * TFormat.RowPanels;
        nint* there = stackalloc nint[workers];
        new Span<nint>(there, workers).Fill(-1);
        var chunks = new Chunks<TFormat, TEpilogue>
        {
            Parts = job,
            Rows = chunk * PanelRows,
            Count = Panels(panels, chunk),
            Blocks = Panels(Panels(Panels(job.Problem.Columns, PanelColumns), job.Split.Columns) * PanelColumns, job.BlockColumns),
            There = there,
        };
        nint perPart = chunks.Count * chunks.Blocks;
        Workers.Share(ref chunks, workers * perPart, perPart, piece: 1);
    }

    private static nint Panels(nint size, nint panel) => (size + panel - 1) / panel;

    /// <summary>Places of four bytes for a depth.</summary>
    private static nint Places(nint depth, nint numbers) => (depth + numbers - 1) / numbers;

    /// <summary>A part of the depth, of whole places.</summary>
    private static nint SliceDepth(nint depth, nint parts, nint numbers) => Places((depth + parts - 1) / parts, numbers) * numbers;

    /// <summary>What a worker needs: a packed block of columns, a panel of rows, a tile.</summary>
    private static nint OwnScratch<TFormat>(nint columns, nint depth)
        where TFormat : struct, IPanelFormat<V>
    {
        nint places = Places(depth, TFormat.Numbers);
        return Padded(columns * places) + RowScratch<TFormat>(places) + (PanelRows * PanelColumns);
    }

    private static nint RowScratch<TFormat>(nint places)
        where TFormat : struct, IPanelFormat<V> => TFormat.RowPanels * ((PanelRows * RowPanel.Distance(places)) + 16);

    private static nint Padded(nint floats) => (floats + 31) / 16 * 16;

    /// <summary>Each unit is one worker's part of the product.</summary>
    private struct Job<TFormat, TEpilogue> : IRange
        where TFormat : struct, IPanelFormat<V>
        where TEpilogue : unmanaged, ITileEpilogue
    {
        public GemmProblem Problem;
        public TEpilogue Epilogue;
        public GemmSplit Split;
        public nint Own;
        public nint BlockDepth;
        public nint BlockColumns;
        public float* Scratch;
        public float* Partials;
        public nint PartialSize;

        /// <summary>Whether packed columns hold the whole depth, so that rows can be multiplied in any order.</summary>
        public readonly bool IsOneSlice => Split.Depth == 1 && Problem.Depth <= BlockDepth;

        public void Run(nint from, nint to, int worker)
        {
            for (nint part = from; part < to; part++)
            {
                new Part<TFormat, TEpilogue>(ref this, part).Multiply(Scratch + (worker * Own));
            }
        }
    }

    /// <summary>Each unit is a chunk of rows of a block of columns of a part; those of a part follow one another.</summary>
    private struct Chunks<TFormat, TEpilogue> : IRange
        where TFormat : struct, IPanelFormat<V>
        where TEpilogue : unmanaged, ITileEpilogue
    {
        public Job<TFormat, TEpilogue> Parts;
        public nint Rows;
        public nint Count;
        public nint Blocks;

        /// <summary>Which columns each worker has packed.</summary>
        public nint* There;

        /// <inheritdoc/>
        public static bool AddsUp => TEpilogue.AddsUp;

        public void Run(nint from, nint to, int worker)
        {
            for (nint unit = from; unit < to; unit++)
            {
                (nint rest, nint chunk) = Math.DivRem(unit, Count);
                (nint part, nint block) = Math.DivRem(rest, Blocks);
                nint columns = ((part % Parts.Split.Columns) * Blocks) + block;
                new Part<TFormat, TEpilogue>(ref Parts, part).MultiplyChunk(Parts.Scratch + (worker * Parts.Own), block, chunk, Rows, columns != There[worker]);
                There[worker] = columns;
            }
        }
    }

    /// <summary>A block of the result, or of a partial sum of it.</summary>
    private ref struct Part<TFormat, TEpilogue>
        where TFormat : struct, IPanelFormat<V>
        where TEpilogue : unmanaged, ITileEpilogue
    {
        private readonly ref Job<TFormat, TEpilogue> job;
        private readonly nint firstRow;
        private readonly nint lastRow;
        private readonly nint firstColumn;
        private readonly nint lastColumn;
        private readonly nint firstDepth;
        private readonly nint lastDepth;
        private readonly float* target;
        private readonly nint targetRow;
        private readonly bool add;
        private readonly bool finishes;

        public Part(ref Job<TFormat, TEpilogue> job, nint part)
        {
            this.job = ref job;
            ref GemmProblem problem = ref job.Problem;
            nint slice = part % job.Split.Depth;
            part /= job.Split.Depth;
            nint column = part % job.Split.Columns;
            nint row = part / job.Split.Columns;
            nint rowPanels = Panels(problem.Rows, PanelRows);
            nint columnPanels = Panels(problem.Columns, PanelColumns);
            firstRow = rowPanels * row / job.Split.Rows * PanelRows;
            lastRow = Math.Min(problem.Rows, rowPanels * (row + 1) / job.Split.Rows * PanelRows);
            firstColumn = columnPanels * column / job.Split.Columns * PanelColumns;
            lastColumn = Math.Min(problem.Columns, columnPanels * (column + 1) / job.Split.Columns * PanelColumns);
            nint sliceDepth = SliceDepth(problem.Depth, job.Split.Depth, TFormat.Numbers);
            firstDepth = Math.Min(problem.Depth, slice * sliceDepth);
            lastDepth = Math.Min(problem.Depth, firstDepth + sliceDepth);
            bool whole = slice == 0;
            target = whole ? problem.C : job.Partials + ((slice - 1) * job.PartialSize);
            targetRow = whole ? problem.CRow : problem.Columns;
            add = whole && problem.Add;
            finishes = job.Split.Depth == 1;
        }

        public readonly void Multiply(float* own)
        {
            for (nint column = firstColumn; column < lastColumn; column += job.BlockColumns)
            {
                nint columnEnd = Math.Min(lastColumn, column + job.BlockColumns);
                nint from = firstDepth;
                do
                {
                    nint depth = Math.Min(job.BlockDepth, lastDepth - from);
                    Pack(own, column, columnEnd, from, depth);
                    MultiplyRows(own, firstRow, lastRow, column, columnEnd, from, depth);
                    from += depth;
                }
                while (from < lastDepth);
            }
        }

        /// <summary>A chunk of the rows of a block of columns, over the whole depth.</summary>
        /// <param name="own">Memory of the worker.</param>
        /// <param name="block">Number of the block.</param>
        /// <param name="chunk">Number of the chunk.</param>
        /// <param name="rows">Rows of a chunk.</param>
        /// <param name="pack">Whether the worker has not packed these columns yet.</param>
        public readonly void MultiplyChunk(float* own, nint block, nint chunk, nint rows, bool pack)
        {
            nint column = firstColumn + (block * job.BlockColumns);
            nint columnEnd = Math.Min(lastColumn, column + job.BlockColumns);
            nint row = firstRow + (chunk * rows);
            nint rowEnd = Math.Min(lastRow, row + rows);
            if (column >= columnEnd || row >= rowEnd)
            {
                return;
            }

            if (pack)
            {
                Pack(own, column, columnEnd, firstDepth, lastDepth - firstDepth);
            }

            MultiplyRows(own, row, rowEnd, column, columnEnd, firstDepth, lastDepth - firstDepth);
        }

        /// <summary>Rows of B that are contiguous and used but a few times are read where they are.</summary>
        private readonly bool ReadsColumns => TFormat.InPlace && job.Problem.BColumn == 1 && lastRow - firstRow <= 2 * PanelRows;

        private readonly void Pack(float* packed, nint column, nint columnEnd, nint from, nint depth)
        {
            ref GemmProblem problem = ref job.Problem;
            nint places = Places(depth, TFormat.Numbers);
            nint next = ReadsColumns ? columnEnd / PanelColumns * PanelColumns : column;
            for (; problem.BColumn == 1 && next + (4 * PanelColumns) <= columnEnd; next += 4 * PanelColumns)
            {
                TFormat.FourColumns(problem.B + next + (from * problem.BRow), problem.BRow, depth, packed + ((next - column) * places));
            }

            for (; next < columnEnd; next += PanelColumns)
            {
                TFormat.Columns(
                    problem.B + (next * problem.BColumn) + (from * problem.BRow), problem.BRow, problem.BColumn, problem.Columns - next, depth, packed + ((next - column) * places), PanelColumns);
            }
        }

        private readonly void MultiplyRows(float* own, nint begin, nint end, nint column, nint columnEnd, nint from, nint depth)
        {
            ref GemmProblem problem = ref job.Problem;
            nint blockPlaces = Places(job.BlockDepth, TFormat.Numbers);
            float* packedRows = own + Padded(job.BlockColumns * blockPlaces);
            float* tile = packedRows + RowScratch<TFormat>(blockPlaces);
            nint places = Places(depth, TFormat.Numbers);
            bool isLast = from + depth == lastDepth;
            bool readsColumns = ReadsColumns;
            for (nint row = begin; row < end; row += PanelRows)
            {
                RowPanel rows = TFormat.Rows(problem, row, (row - begin) / PanelRows, end, from, depth, packedRows);
                for (nint panel = column; panel < columnEnd; panel += PanelColumns)
                {
                    bool direct = readsColumns && panel + PanelColumns <= problem.Columns;
                    float* b = direct ? problem.B + (from * problem.BRow) + panel : own + ((panel - column) * places);
                    Tile(places, rows, b, direct ? problem.BRow : PanelColumns, row, panel, tile, from > firstDepth, isLast);
                }
            }
        }

        private readonly void Tile(nint places, in RowPanel left, float* b, nint bStep, nint row, nint column, float* tile, bool more, bool isLast)
        {
            nint rows = Math.Min(PanelRows, lastRow - row);
            nint columns = Math.Min(PanelColumns, lastColumn - column);
            float* c = target + (row * targetRow) + column;
            bool accumulate = add || more;
            if (columns == PanelColumns)
            {
                TFormat.Multiply(places, left, b, bStep, c, targetRow, rows, accumulate);
            }
            else
            {
                TFormat.Multiply(places, left, b, bStep, tile, PanelColumns, rows, false);
                for (nint i = 0; i < rows; i++)
                {
                    float* line = c + (i * targetRow);
                    float* part = tile + (i * PanelColumns);
                    for (nint j = 0; j < columns; j += V.Count)
                    {
                        int lanes = (int)Math.Min(V.Count, columns - j);
                        V value = V.Load(part + j);
                        if (accumulate)
                        {
                            value += V.LoadFirst(line + j, lanes);
                        }

                        value.StoreFirst(line + j, lanes);
                    }
                }
            }

            if (isLast && finishes)
            {
                job.Epilogue.Run(c, targetRow, row, rows, column, columns);
            }
        }
    }

    /// <summary>Adds the partial sums of a product whose depth was cut; units are rows.</summary>
    private struct Reduction<TEpilogue> : IRange
        where TEpilogue : unmanaged, ITileEpilogue
    {
        public GemmProblem Problem;
        public TEpilogue Epilogue;
        public float* Partials;
        public nint PartialSize;
        public nint Count;

        public void Run(nint from, nint to, int worker)
        {
            for (nint row = from; row < to; row++)
            {
                float* line = Problem.C + (row * Problem.CRow);
                float* part = Partials + (row * Problem.Columns);
                for (nint j = 0; j < Problem.Columns; j += V.Count)
                {
                    int lanes = (int)Math.Min(V.Count, Problem.Columns - j);
                    V sum = V.LoadFirst(line + j, lanes);
                    for (nint i = 0; i < Count; i++)
                    {
                        sum += V.Load(part + (i * PartialSize) + j);
                    }

                    sum.StoreFirst(line + j, lanes);
                }

                Epilogue.Run(line, Problem.CRow, row, 1, 0, Problem.Columns);
            }
        }
    }

    /// <summary>Product of a panel of rows and a panel of two vectors of columns; convolutions use it too.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Multiply(nint depth, float* a, nint aStep, float* b, nint bStep, float* c, nint cStep, int rows, bool add)
    {
        if (V.Registers >= 32)
        {
            Multiply12(depth, a, aStep, b, bStep, c, cStep, rows, add);
        }
        else
        {
            Multiply6(depth, a, aStep, b, bStep, c, cStep, rows, add);
        }
    }
}
