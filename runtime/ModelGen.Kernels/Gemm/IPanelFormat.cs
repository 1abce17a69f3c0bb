namespace ModelGen.Kernels;

/// <summary>
/// How operands lie in panels and how tiles of panels are multiplied. Products and convolutions are written once over it; the JIT compiles them for each form.
/// A place has four bytes and holds one number of the depth, or two that follow each other.
/// </summary>
/// <typeparam name="V">Register.</typeparam>
internal unsafe interface IPanelFormat<V>
    where V : unmanaged, IVector<V>
{
    /// <summary>Whether operands in memory have this form already, so that they can be read where they are.</summary>
    static abstract bool InPlace { get; }

    /// <summary>Numbers of the depth in a place.</summary>
    static abstract nint Numbers { get; }

    /// <summary>A panel of rows of the left operand, packed unless it can be read where it is.</summary>
    /// <param name="problem">The product.</param>
    /// <param name="row">First row.</param>
    /// <param name="from">First number of the depth.</param>
    /// <param name="depth">Numbers of the depth.</param>
    /// <param name="target">Memory for a panel, with rows <see cref="RowPanel.Distance"/> apart.</param>
    static abstract RowPanel Rows(in GemmProblem problem, nint row, nint from, nint depth, float* target);

    /// <summary>Packs a panel of columns as [places][width], zero where columns or numbers are missing.</summary>
    /// <param name="source">First number.</param>
    /// <param name="row">Distance of numbers of the depth.</param>
    /// <param name="column">Distance of columns.</param>
    /// <param name="columns">Columns that there are from here on; may be more than the width.</param>
    /// <param name="depth">Numbers of the depth.</param>
    /// <param name="target">Panel.</param>
    /// <param name="width">Width of the panel, one or two vectors.</param>
    static abstract void Columns(float* source, nint row, nint column, nint columns, nint depth, float* target, nint width);

    /// <summary>Packs four panels, each two vectors wide, of contiguous columns: long pieces of a line are read at once, which the hardware's prefetching needs.</summary>
    /// <param name="source">First number.</param>
    /// <param name="row">Distance of numbers of the depth.</param>
    /// <param name="depth">Numbers of the depth.</param>
    /// <param name="target">The panels, one after the other.</param>
    static abstract void FourColumns(float* source, nint row, nint depth, float* target);

    /// <summary>Product of a panel of rows and a panel of two vectors of columns.</summary>
    /// <param name="places">Places of the depth.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="b">Columns.</param>
    /// <param name="bStep">Distance of their places.</param>
    /// <param name="c">Result.</param>
    /// <param name="cStep">Distance of its rows.</param>
    /// <param name="count">Number of rows.</param>
    /// <param name="add">Whether the product is added to the result.</param>
    static abstract void Multiply(nint places, in RowPanel rows, float* b, nint bStep, float* c, nint cStep, nint count, bool add);
}
