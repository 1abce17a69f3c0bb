namespace ModelGen.Kernels;

/// <summary>Into how many parts a product is cut: rows and columns of the result, and the depth, whose parts are added at the end.</summary>
internal readonly record struct GemmSplit(int Rows, int Columns, int Depth)
{
    /// <summary>What it costs to pack a number, in multiply-adds of the innermost loop.</summary>
    private const double PackCost = 12;

    /// <summary>What it costs to write a partial sum and add it.</summary>
    private const double SumCost = 60;

    /// <summary>What it costs to wake the workers.</summary>
    private const double WakeCost = 60_000;

    public int Workers => Rows * Columns * Depth;

    /// <summary>The cheapest way for the workers there are; ties go to fewer parts. It depends on sizes and the number of workers alone.</summary>
    public static GemmSplit Choose<V, TFormat>(in GemmProblem problem)
        where V : unmanaged, IVector<V>
        where TFormat : struct, IPanelFormat<V>
    {
        nint panelRows = Gemm<V>.TileRows;
        nint panelColumns = Gemm<V>.TileColumns;
        int workers = ModelGen.Kernels.Workers.Available;
        nint rowPanels = (problem.Rows + panelRows - 1) / panelRows;
        nint columnPanels = (problem.Columns + panelColumns - 1) / panelColumns;
        var best = new GemmSplit(1, 1, 1);
        double least = best.Cost<V, TFormat>(problem, rowPanels, columnPanels);
        if (least <= WakeCost)
        {
            return best;
        }

        for (int depth = 1; depth <= workers; depth++)
        {
            if (depth > 1 && problem.Depth < 128 * depth)
            {
                break;
            }

            int most = workers / depth;
            for (int rows = 1; rows <= most && rows <= rowPanels; rows++)
            {
                int columns = (int)Math.Min(most / rows, columnPanels);
                var split = new GemmSplit(rows, columns, depth);
                double cost = split.Cost<V, TFormat>(problem, rowPanels, columnPanels);
                if (cost < least)
                {
                    least = cost;
                    best = split;
                }
            }
        }

        return best;
    }

    private double Cost<V, TFormat>(in GemmProblem problem, nint rowPanels, nint columnPanels)
        where V : unmanaged, IVector<V>
        where TFormat : struct, IPanelFormat<V>
    {
        double rows = (rowPanels + Rows - 1) / Rows * Gemm<V>.TileRows;
        double columns = (columnPanels + Columns - 1) / Columns * Gemm<V>.TileColumns;
        double depth = (problem.Depth + Depth - 1) / Depth;
        double rowPacking = TFormat.InPlace && problem.ARow == 1 ? 0 : rows * Math.Ceiling(columns / 512);
        double columnPacking = TFormat.InPlace && problem.BColumn == 1 && rows <= 2 * Gemm<V>.TileRows ? 0 : columns;
        double sums = Depth == 1 ? 0 : problem.Rows * problem.Columns * SumCost * (1 + ((double)Depth / Workers));
        return (rows * columns * depth / TFormat.Numbers) + ((rowPacking + columnPacking) * depth * PackCost) + sums + (Workers == 1 ? 0 : Depth == 1 ? WakeCost : 2 * WakeCost);
    }
}
