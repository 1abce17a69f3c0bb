using System.Runtime.CompilerServices;

namespace ModelGen.Kernels;

/// <summary>Panels of floats that are rounded to bfloat16, for machines that lack the instruction: products are exact, as with it, and sums are floats.</summary>
internal readonly unsafe struct RoundedFormat<V> : IPanelFormat<V>
    where V : unmanaged, IVector<V>
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
        RowPanel panel = FloatFormat<V>.Pack(problem, row, from, depth, target);
        Round(target, depth * Gemm<V>.TileRows);
        return panel;
    }

    /// <inheritdoc/>
    public static void Columns(float* source, nint row, nint column, nint columns, nint depth, float* target, nint width)
    {
        FloatFormat<V>.Columns(source, row, column, columns, depth, target, width);
        Round(target, depth * width);
    }

    /// <inheritdoc/>
    public static void FourColumns(float* source, nint row, nint depth, float* target)
    {
        FloatFormat<V>.FourColumns(source, row, depth, target);
        Round(target, depth * 4 * Gemm<V>.TileColumns);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply(nint places, in RowPanel rows, float* b, nint bStep, float* c, nint cStep, nint count, bool add) =>
        FloatFormat<V>.Multiply(places, rows, b, bStep, c, cStep, count, add);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Line(float* source, nint count, float* target)
    {
        for (nint i = 0; i < count; i += V.Count)
        {
            V.RoundToBFloat16(V.LoadFirst(source + i, (int)Math.Min(V.Count, count - i))).Store(target + i);
        }
    }

    /// <inheritdoc/>
    public static void Join(float* source, nint line, nint lines, nint count, float* target) => Line(source, count, target);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Computed(nint rows) => FloatFormat<V>.Computed(rows);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply(in PixelPanel pixels, nint rows, float* b, float* c, nint cStep, bool wide, bool add) =>
        FloatFormat<V>.Multiply(pixels, rows, b, c, cStep, wide, add);

    /// <summary>Rounds a panel in place.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Round(float* numbers, nint count)
    {
        nint i = 0;
        for (; i + V.Count <= count; i += V.Count)
        {
            V.RoundToBFloat16(V.Load(numbers + i)).Store(numbers + i);
        }

        int left = (int)(count - i);
        V.RoundToBFloat16(V.LoadFirst(numbers + i, left)).StoreFirst(numbers + i, left);
    }
}
