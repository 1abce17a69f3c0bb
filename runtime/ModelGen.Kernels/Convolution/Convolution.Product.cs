using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <content>The product that forward and the gradient of the input share.</content>
public static unsafe partial class Convolution<V>
{
    /// <summary>Largest number of results that stay in the second cache while the depth passes by, in panels.</summary>
    private const nint ChunkPanels = 8;

    /// <summary>Pieces that a worker's part is cut into where that costs little, so that others can take some.</summary>
    private const nint Pieces = 4;

    /// <summary>Largest depth of a slice: a panel of pixels stays in the nearest cache.</summary>
    private const nint LargestSlice = 640;

    /// <summary>Numbers of a packed slice of weights, which stays in the second cache.</summary>
    private const nint SliceNumbers = 144 * 1024;

    /// <summary>Columns handled at once.</summary>
    private const nint ColumnBlock = 512;

    /// <summary>What it costs to wake the workers, in multiply-adds.</summary>
    private const double WakeCost = 60_000;

    private static nint PanelRows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => V.Registers >= 32 ? 12 : 6;
    }

    private static nint TailRows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => V.Registers >= 32 ? 4 : 2;
    }

    private static nint PanelColumns
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2 * V.Count;
    }

    private static void Run<TFormat, TEpilogue>(in ImageProduct problem, TEpilogue epilogue)
        where TFormat : struct, IPanelFormat<V>
        where TEpilogue : unmanaged, ITileEpilogue
    {
        nint positions = problem.Grid.Positions;
        if (positions == 0 || problem.Columns == 0)
        {
            return;
        }

        if (TFormat.InPlace && problem.Groups > 1 && problem.Columns == 1 && problem.Grid.Channels == 1)
        {
            RunDepthwise(problem, epilogue);
            return;
        }

        nint rowPanels = Ceiling(positions, PanelRows);
        nint columnPanels = Ceiling(problem.Columns, PanelColumns);
        (nint rows, nint columns) = Split(problem, rowPanels, columnPanels);
        nint partPanels = Ceiling(rowPanels, rows);
        nint partColumns = Ceiling(columnPanels, columns) * PanelColumns;
        nint blockColumns = Math.Min(partColumns, ColumnBlock);
        if (rows * columns > 1 && partPanels < 2 * Pieces)
        {
            blockColumns = Math.Min(blockColumns, Math.Max(2, Ceiling(Ceiling(columnPanels, columns), Pieces)) * PanelColumns);
        }

        nint largest = Math.Clamp(SliceNumbers / blockColumns, 192, LargestSlice);
        nint slices = DepthSlice.Count(problem.Grid.TapsY, problem.Grid.Line, largest);
        bool near = slices == 1 || blockColumns * problem.Grid.Depth <= SliceNumbers;
        nint chunkPanels = near ? Math.Clamp(Ceiling(partPanels, Pieces), 2, ChunkPanels) : ChunkPanels;
        nint chunks = Ceiling(partPanels, chunkPanels);
        nint blocks = Ceiling(partColumns, blockColumns);
        bool keep = chunks > 1 && slices > 1;
        nint deepest = Math.Min(problem.Grid.Depth, largest + 16);
        nint packed = problem.Panels != null ? 0 : Padded(blockColumns * (keep ? problem.Grid.Depth : deepest));

        nint step = RowPanel.Distance(deepest);
        nint own = packed + (PanelRows * step) + V.Count + 64 + (PanelRows * PanelColumns);
        own = Padded(own);
        nint* there = stackalloc nint[(int)(rows * columns)];
        new Span<nint>(there, (int)(rows * columns)).Fill(-1);
        var job = new Product<TFormat, TEpilogue>
        {
            Problem = problem,
            Epilogue = epilogue,
            Rows = rows,
            Columns = columns,
            BlockColumns = blockColumns,
            Blocks = blocks,
            ChunkRows = chunkPanels * PanelRows,
            Chunks = chunks,
            Largest = largest,
            Slices = slices,
            Keep = keep,
            Step = step,
            Packed = packed,
            Own = own,
            Scratch = Scratch.Floats(own * rows * columns),
            There = there,
        };
        nint perPart = problem.Groups * blocks * chunks;
        Workers.Share(ref job, rows * columns * perPart, perPart, piece: 1);
    }

    /// <summary>Into how many parts of rows and columns the results are cut, for the workers there are.</summary>
    private static (nint Rows, nint Columns) Split(in ImageProduct problem, nint rowPanels, nint columnPanels)
    {
        int workers = Workers.Available;
        (nint Rows, nint Columns) best = (1, 1);
        double least = Cost(problem, rowPanels, columnPanels, 1, 1);
        if (least <= WakeCost)
        {
            return best;
        }

        for (nint rows = 1; rows <= workers && rows <= rowPanels; rows++)
        {
            nint columns = Math.Min(workers / rows, columnPanels);
            double cost = Cost(problem, rowPanels, columnPanels, rows, columns);
            if (cost < least)
            {
                least = cost;
                best = (rows, columns);
            }
        }

        return best;
    }

    private static double Cost(in ImageProduct problem, nint rowPanels, nint columnPanels, nint rows, nint columns)
    {
        // Packing a number costs as much as some multiply-adds do; weights come from far.
        double height = Ceiling(rowPanels, rows) * PanelRows;
        double width = Ceiling(columnPanels, columns) * PanelColumns;
        double depth = problem.Grid.Depth * (double)problem.Groups;
        return (height * width * depth) + (((height * 2 * Math.Ceiling(width / ColumnBlock)) + (width * (problem.WeightColumn == 1 ? 6 : 12))) * depth) + (height * width * problem.Groups);
    }

    private static nint Ceiling(nint size, nint part) => (size + part - 1) / part;

    private static nint Padded(nint floats) => (floats + 31) / 16 * 16;

    /// <summary>Product of a panel of pixels and a panel of one or two vectors of columns.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Multiply(in PixelPanel pixels, nint rows, float* b, float* c, nint cStep, bool wide, bool add)
    {
        bool tail = rows <= TailRows;
        if (V.Registers >= 32)
        {
            if (wide)
            {
                if (tail)
                {
                    Multiply4x2(pixels, b, c, cStep, add);
                }
                else
                {
                    Multiply12x2(pixels, b, c, cStep, add);
                }
            }
            else if (tail)
            {
                Multiply4x1(pixels, b, c, cStep, add);
            }
            else
            {
                Multiply12x1(pixels, b, c, cStep, add);
            }
        }
        else if (wide)
        {
            if (tail)
            {
                Multiply2x2(pixels, b, c, cStep, add);
            }
            else
            {
                Multiply6x2(pixels, b, c, cStep, add);
            }
        }
        else if (tail)
        {
            Multiply2x1(pixels, b, c, cStep, add);
        }
        else
        {
            Multiply6x1(pixels, b, c, cStep, add);
        }
    }

    /// <summary>Rows that <see cref="Multiply"/> computes for a number of rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static nint Computed(nint rows) => rows <= TailRows ? TailRows : PanelRows;

    /// <summary>Stores or adds a line of a tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PutColumns(float* source, float* target, nint columns, bool add)
    {
        for (nint j = 0; j < columns; j += V.Count)
        {
            nint lanes = columns - j;
            V value = V.Load(source + j);
            if (lanes >= V.Count)
            {
                (add ? value + V.Load(target + j) : value).Store(target + j);
            }
            else
            {
                (add ? value + V.LoadFirst(target + j, (int)lanes) : value).StoreFirst(target + j, (int)lanes);
            }
        }
    }

    /// <summary>Panels of weights, two vectors wide, or one if that holds the last columns.</summary>
    private struct WeightPanels
    {
        /// <summary>The first one.</summary>
        public float* First;

        /// <summary>Numbers of the depth that each has.</summary>
        public nint Depth;

        /// <summary>The first of these that is wanted.</summary>
        public nint From;
    }

    /// <summary>Each unit is a chunk of rows of a block of columns of a group of a part of the results; those of a part follow one another.</summary>
    private struct Product<TFormat, TEpilogue> : IRange
        where TFormat : struct, IPanelFormat<V>
        where TEpilogue : unmanaged, ITileEpilogue
    {
        public ImageProduct Problem;
        public TEpilogue Epilogue;
        public nint Rows;
        public nint Columns;
        public nint BlockColumns;
        public nint Blocks;
        public nint ChunkRows;
        public nint Chunks;
        public nint Largest;
        public nint Slices;
        public bool Keep;
        public nint Step;
        public nint Packed;
        public nint Own;
        public float* Scratch;

        /// <summary>Which weights each worker has packed.</summary>
        public nint* There;

        /// <inheritdoc/>
        public static bool AddsUp => TEpilogue.AddsUp;

        public void Run(nint from, nint to, int worker)
        {
            nint positions = Problem.Grid.Positions;
            nint rowPanels = Ceiling(positions, PanelRows);
            nint columnPanels = Ceiling(Problem.Columns, PanelColumns);
            for (nint unit = from; unit < to; unit++)
            {
                (nint rest, nint chunk) = Math.DivRem(unit, Chunks);
                (rest, nint block) = Math.DivRem(rest, Blocks);
                (nint part, nint group) = Math.DivRem(rest, Problem.Groups);
                (nint row, nint column) = Math.DivRem(part, Columns);
                nint firstRow = (rowPanels * row / Rows * PanelRows) + (chunk * ChunkRows);
                nint lastRow = Math.Min(Math.Min(positions, rowPanels * (row + 1) / Rows * PanelRows), firstRow + ChunkRows);
                nint firstColumn = (columnPanels * column / Columns * PanelColumns) + (block * BlockColumns);
                nint lastColumn = Math.Min(Math.Min(Problem.Columns, columnPanels * (column + 1) / Columns * PanelColumns), firstColumn + BlockColumns);
                if (firstRow >= lastRow || firstColumn >= lastColumn)
                {
                    continue;
                }

                nint weights = (((column * Problem.Groups) + group) * Blocks) + block;
                bool pack = weights != There[worker] || (Slices > 1 && !Keep);
                There[worker] = weights;
                Multiply(group, firstRow, lastRow, firstColumn, lastColumn, Scratch + (worker * Own), pack);
            }
        }

        /// <summary>A chunk.</summary>
        private void Multiply(nint group, nint firstRow, nint lastRow, nint firstColumn, nint lastColumn, float* own, bool pack)
        {
            TapGrid grid = Problem.Grid;
            grid.Source += group * grid.Channels;
            float* lines = own + Packed;
            float* tile = lines + (PanelRows * Step) + V.Count + 64;
            nint width = Ceiling(lastColumn - firstColumn, V.Count) * V.Count;
            bool packed = Problem.Panels != null;
            float* weights = packed ? Problem.Panels + (((group * Ceiling(Problem.Columns, V.Count) * V.Count) + firstColumn) * grid.Depth) : own;
            for (nint index = 0; index < Slices; index++)
            {
                DepthSlice slice = DepthSlice.Get(grid.TapsY, grid.Line, Largest, index);
                if (pack && !packed)
                {
                    PackWeights(slice, group, firstColumn, lastColumn, weights);
                }

                var panels = new WeightPanels
                {
                    First = weights,
                    Depth = packed ? grid.Depth : slice.Depth,
                    From = packed ? (slice.FirstLine * grid.Line) + slice.From : 0,
                };

                GridPlace place = grid.Place(firstRow);
                for (nint row = firstRow; row < lastRow; row += PanelRows)
                {
                    nint rows = Math.Min(PanelRows, lastRow - row);
                    GridPlace first = place;
                    PixelPanel pixels;
                    if (!Problem.Normal.IsIdentity)
                    {
                        grid.Normalise<V>(Problem.Normal, row, rows, slice, lines, Step);
                        pixels = new PixelPanel { First = lines, Step = Step, Lines = 1, Run = slice.Depth };
                    }
                    else if (!grid.TryDirect(first, PanelRows, slice, out pixels))
                    {
                        float* target = lines;
                        for (nint i = 0; i < rows; i++, target += Step)
                        {
                            grid.Copy<V>(place, slice, target);
                            grid.Next(ref place);
                        }

                        pixels = new PixelPanel { First = lines, Step = Step, Lines = 1, Run = slice.Depth };
                    }
                    else
                    {
                        place.X += rows - 1;
                        grid.Next(ref place);
                    }

                    Tiles(pixels, first, row, rows, group, firstColumn, lastColumn, panels, tile, index > 0, index + 1 == Slices);
                }

                weights += Keep && !packed ? width * slice.Depth : 0;
            }
        }

        /// <summary>All columns of a panel of pixels.</summary>
        private void Tiles(
            in PixelPanel pixels, in GridPlace first, nint row, nint rows, nint group, nint firstColumn, nint lastColumn, in WeightPanels panels, float* tile, bool more, bool isLast)
        {
            nint channels = Problem.OutputChannels;
            bool dense = Problem.Dense;
            nint pixel = dense ? Problem.OutputFirst + row : Problem.Pixel(first);
            bool even = dense || first.X + rows <= Problem.Grid.GridWidth;
            nint step = (dense ? 1 : Problem.OutputStepX) * channels;
            nint computed = TFormat.Computed(rows);
            bool add = more || Problem.Add;
            for (nint column = firstColumn; column < lastColumn; column += PanelColumns)
            {
                nint columns = Math.Min(PanelColumns, lastColumn - column);
                bool wide = columns > V.Count;
                float* weights = panels.First + ((column - firstColumn) * panels.Depth) + (panels.From * (wide ? PanelColumns : V.Count));
                nint outputColumn = (group * Problem.Columns) + column;
                float* c = Problem.Output + (pixel * channels) + outputColumn;
                if (even && rows == computed && columns == (wide ? PanelColumns : V.Count))
                {
                    TFormat.Multiply(pixels, rows, weights, c, step, wide, add);
                }
                else
                {
                    TFormat.Multiply(pixels, rows, weights, tile, PanelColumns, wide, false);
                    GridPlace place = first;
                    for (nint i = 0; i < rows; i++)
                    {
                        float* line = even ? c + (i * step) : Problem.Output + (Problem.Pixel(place) * channels) + outputColumn;
                        PutColumns(tile + (i * PanelColumns), line, columns, add);
                        Problem.Grid.Next(ref place);
                    }
                }

                if (!isLast || typeof(TEpilogue) == typeof(NoEpilogue))
                {
                    continue;
                }

                if (even && step == channels)
                {
                    Epilogue.Run(c, step, pixel, rows, outputColumn, columns);
                    continue;
                }

                GridPlace next = first;
                for (nint i = 0; i < rows; i++)
                {
                    nint at = Problem.Pixel(next);
                    Epilogue.Run(Problem.Output + (at * channels) + outputColumn, channels, at, 1, outputColumn, columns);
                    Problem.Grid.Next(ref next);
                }
            }
        }

        /// <summary>Writes a slice of weights as panels [depth][columns], two vectors wide, or one if that holds the last columns.</summary>
        private readonly void PackWeights(in DepthSlice slice, nint group, nint firstColumn, nint lastColumn, float* target)
        {
            nint depth = slice.Depth;
            nint channels = Problem.Grid.Channels;
            nint numbers = TFormat.Numbers;
            bool merged = Problem.WeightColumn == 1 && Problem.WeightTapX == channels * numbers * Problem.WeightRow;
            nint done = 0;
            for (nint line = 0; line < slice.Lines; line++)
            {
                nint k = slice.From;
                while (k < slice.From + slice.Run)
                {
                    (nint tap, nint channel) = Math.DivRem(k, channels);
                    nint count = merged ? slice.Run : Math.Min(channels - channel, slice.From + slice.Run - k);
                    float* source = Problem.Weight + ((slice.FirstLine + line) * Problem.WeightTapY) + (tap * Problem.WeightTapX) + (channel * numbers * Problem.WeightRow)
                        + (group * Problem.WeightGroup);
                    PackPiece(source, firstColumn, lastColumn, merged ? count * numbers : Math.Min(count * numbers, Problem.Inputs - (channel * numbers)), target, depth, done);
                    k += count;
                    done += count;
                }
            }
        }

        /// <summary>Writes some numbers of the depth after the places that are done.</summary>
        private readonly void PackPiece(float* source, nint firstColumn, nint lastColumn, nint count, float* target, nint depth, nint done)
        {
            for (nint column = firstColumn; column < lastColumn; column += PanelColumns)
            {
                nint columns = Math.Min(PanelColumns, lastColumn - column);
                nint width = columns > V.Count ? PanelColumns : V.Count;
                float* panel = target + ((column - firstColumn) * depth) + (done * width);
                TFormat.Columns(source + (column * Problem.WeightColumn), Problem.WeightRow, Problem.WeightColumn, columns, count, panel, width);
            }
        }
    }
}
