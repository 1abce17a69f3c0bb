using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Panels of floats.</summary>
internal readonly unsafe struct FloatFormat<V> : IPanelFormat<V>
    where V : unmanaged, IVector<V>
{
    /// <inheritdoc/>
    public static bool InPlace
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => true;
    }

    /// <inheritdoc/>
    public static nint Numbers
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 1;
    }

    /// <inheritdoc/>
    public static nint RowPanels
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => 1;
    }

    /// <inheritdoc/>
    public static RowPanel Rows(in GemmProblem problem, nint row, nint index, nint end, nint from, nint depth, float* target)
    {
        // Columns of A that are contiguous are read where they are.
        if (problem.ARow == 1)
        {
            return new RowPanel { First = problem.A + (from * problem.AColumn) + row, Row = 1, Step = problem.AColumn };
        }

        return Pack(problem, row, from, depth, target);
    }

    /// <summary>Writes a panel of rows of A as [depth][rows]; rows past the end become zero.</summary>
    public static RowPanel Pack(in GemmProblem problem, nint row, nint from, nint depth, float* target)
    {
        nint width = Gemm<V>.TileRows;
        nint rows = Math.Min(width, problem.Rows - row);
        float* source = problem.A + (row * problem.ARow) + (from * problem.AColumn);
        if (problem.AColumn == 1)
        {
            Panel.Transpose<V>(source, problem.ARow, rows, depth, target, width, problem.Rows - row);
        }
        else
        {
            Panel.Gather(source, problem.ARow, problem.AColumn, rows, depth, target, width);
        }

        return new RowPanel { First = target, Row = 1, Step = width };
    }

    /// <inheritdoc/>
    public static void Columns(float* source, nint row, nint column, nint columns, nint depth, float* target, nint width)
    {
        nint count = Math.Min(width, columns);
        if (column == 1)
        {
            Panel.Copy<V>(source, row, count, depth, target, width);
        }
        else if (row == 1)
        {
            Panel.Transpose<V>(source, column, count, depth, target, width, columns);
        }
        else
        {
            Panel.Gather(source, column, row, count, depth, target, width);
        }
    }

    /// <inheritdoc/>
    public static void FourColumns(float* source, nint row, nint depth, float* target) => Panel.CopyFour<V>(source, row, depth, target);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply(nint places, in RowPanel rows, float* b, nint bStep, float* c, nint cStep, nint count, bool add) =>
        Gemm<V>.Multiply(places, rows.First, rows.Step, b, bStep, c, cStep, (int)count, add);

    /// <inheritdoc/>
    public static void Line(float* source, nint count, float* target) => Panel.Copy<V>(source, 0, count, 1, target, (count + V.Count - 1) / V.Count * V.Count);

    /// <inheritdoc/>
    public static void Join(float* source, nint line, nint lines, nint count, float* target) => Line(source, count, target);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Computed(nint rows) => Convolution<V>.Computed(rows);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply(in PixelPanel pixels, nint rows, float* b, float* c, nint cStep, bool wide, bool add) => Convolution<V>.Multiply(pixels, rows, b, c, cStep, wide, add);
}
