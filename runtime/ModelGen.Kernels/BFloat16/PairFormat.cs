using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Panels of pairs of bfloat16 numbers, the first in the lower half of a place, for the instruction that multiplies pairs.</summary>
internal readonly unsafe struct PairFormat : IPanelFormat<V512>
{
    /// <inheritdoc/>
    public static bool InPlace
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => false;
    }

    /// <inheritdoc/>
    public static nint Numbers
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 2;
    }

    /// <inheritdoc/>
    public static nint RowPanels
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => BFloat16Code.SideBySide;
    }

    /// <inheritdoc/>
    public static RowPanel Rows(in GemmProblem problem, nint row, nint index, nint end, nint from, nint depth, float* target)
    {
        const nint Width = BFloat16Code.MostRows;
        nint rows = Math.Min(Width, problem.Rows - row);
        nint places = (depth + 1) / 2;
        float* source = problem.A + (row * problem.ARow) + (from * problem.AColumn);
        if (problem.ARow == 1)
        {
            // Columns are contiguous, and long pieces of them are read at once: enough for four panels.
            nint distance = (Width * places) + 16;
            nint next = index % RowPanels;
            if (next == 0)
            {
                PairPanel.InterleaveRows(source, problem.AColumn, Math.Min(RowPanels, (end - row + Width - 1) / Width), depth, target, distance);
            }

            return new RowPanel { First = target + (next * distance), Row = 1, Step = Width };
        }

        if (problem.AColumn != 1)
        {
            PairPanel.Gather(source, problem.AColumn, problem.ARow, rows, depth, target, Width);
            return new RowPanel { First = target, Row = 1, Step = Width };
        }

        nint line = RowPanel.Distance(places);
        for (nint i = 0; i < rows; i++)
        {
            PairPanel.Line(source + (i * problem.ARow), depth, target + (i * line));
        }

        return new RowPanel { First = target, Row = line, Step = 1 };
    }

    /// <inheritdoc/>
    public static void Columns(float* source, nint row, nint column, nint columns, nint depth, float* target, nint width)
    {
        nint count = Math.Min(width, columns);
        if (column == 1)
        {
            PairPanel.InterleavePanel(source, row, count, depth, target, width);
        }
        else if (row == 1)
        {
            PairPanel.Transpose(source, column, count, depth, target, width);
        }
        else
        {
            PairPanel.Gather(source, row, column, count, depth, target, width);
        }
    }

    /// <inheritdoc/>
    public static void FourColumns(float* source, nint row, nint depth, float* target)
    {
        nint pairs = depth / 2;
        nint panel = (depth + 1) / 2 * 32;
        if (pairs > 0)
        {
            BFloat16Machine.RoundColumns(source, row, pairs, target, panel, four: true);
        }

        for (nint i = 0; pairs * 2 < depth && i < BFloat16Code.SideBySide; i++)
        {
            PairPanel.InterleavePanel(source + (pairs * 2 * row) + (32 * i), row, 32, 1, target + (i * panel) + (pairs * 32), 32);
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply(nint places, in RowPanel rows, float* b, nint bStep, float* c, nint cStep, nint count, bool add)
    {
        if (places == 0)
        {
            Empty(c, cStep, count, 2, add);
            return;
        }

        Unsafe.SkipInit(out TileArguments arguments);
        arguments.First = rows.First;
        arguments.Row = rows.Row * sizeof(float);
        arguments.Step = rows.Step * sizeof(float);
        arguments.Run = places * rows.Step * sizeof(float);
        arguments.Lines = 1;
        arguments.LineStep = 0;
        arguments.Left = 0;
        arguments.Columns = b;
        arguments.Result = c;
        arguments.ResultRow = cStep * sizeof(float);
        arguments.Add = add ? 1 : 0;
        BFloat16Machine.Tile(ref arguments, count, 2);
    }

    /// <inheritdoc/>
    public static void Line(float* source, nint count, float* target) => PairPanel.Line(source, count, target);

    /// <inheritdoc/>
    public static void Join(float* source, nint line, nint lines, nint count, float* target) => PairPanel.Interleave(source, line, count, lines, target, 0);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Computed(nint rows) => rows;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply(in PixelPanel pixels, nint rows, float* b, float* c, nint cStep, bool wide, bool add)
    {
        int vectors = wide ? 2 : 1;
        if (pixels.Lines * pixels.Run == 0)
        {
            Empty(c, cStep, rows, vectors, add);
            return;
        }

        Unsafe.SkipInit(out TileArguments arguments);
        arguments.First = pixels.First;
        arguments.Row = pixels.Step * sizeof(float);
        arguments.Step = sizeof(float);
        arguments.Run = pixels.Run * sizeof(float);
        arguments.Lines = pixels.Lines;
        arguments.LineStep = pixels.LineStep * sizeof(float);
        arguments.Left = pixels.Group;
        arguments.Group = pixels.Group;
        arguments.GroupStep = pixels.GroupStep * sizeof(float);
        arguments.Columns = b;
        arguments.Result = c;
        arguments.ResultRow = cStep * sizeof(float);
        arguments.Add = add ? 1 : 0;
        BFloat16Machine.Tile(ref arguments, rows, vectors);
    }

    /// <summary>A product without depth.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Empty(float* c, nint cStep, nint rows, nint vectors, bool add)
    {
        for (nint i = 0; !add && i < rows; i++)
        {
            for (nint j = 0; j < vectors; j++)
            {
                V512.Zero.Store(c + (i * cStep) + (j * V512.Count));
            }
        }
    }
}
