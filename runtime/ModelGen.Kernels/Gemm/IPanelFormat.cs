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

    /// <summary>Panels of rows that are packed at once.</summary>
    static abstract nint RowPanels { get; }

    /// <summary>A panel of rows of the left operand, packed unless it can be read where it is.</summary>
    /// <param name="problem">The product.</param>
    /// <param name="row">First row.</param>
    /// <param name="index">Which one this is of the panels that are asked for, one after the other: several may be packed at once.</param>
    /// <param name="end">Row after the last one of these panels.</param>
    /// <param name="from">First number of the depth.</param>
    /// <param name="depth">Numbers of the depth.</param>
    /// <param name="target">Memory for <see cref="RowPanels"/> panels of rows that are <see cref="RowPanel.Distance"/> apart, and 16 places after each.</param>
    static abstract RowPanel Rows(in GemmProblem problem, nint row, nint index, nint end, nint from, nint depth, float* target);

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

    /// <summary>Brings a line along the depth into this form. Whole vectors are written: up to a vector past the end is overwritten.</summary>
    /// <param name="source">Numbers.</param>
    /// <param name="count">How many.</param>
    /// <param name="target">Receives places.</param>
    static abstract void Line(float* source, nint count, float* target);

    /// <summary>Joins lines that follow each other along the depth into a line of places. Whole vectors are written.</summary>
    /// <param name="source">First line.</param>
    /// <param name="line">Distance of lines.</param>
    /// <param name="lines">Lines, as many as a place holds numbers, or fewer at the end.</param>
    /// <param name="count">Numbers of a line.</param>
    /// <param name="target">Receives places.</param>
    static abstract void Join(float* source, nint line, nint lines, nint count, float* target);

    /// <summary>Rows that the product of pixels computes for a number of rows: those past it are thrown away.</summary>
    /// <param name="rows">Rows.</param>
    static abstract nint Computed(nint rows);

    /// <summary>Product of a panel of pixels and a panel of columns.</summary>
    /// <param name="pixels">Pixels.</param>
    /// <param name="rows">Number of pixels.</param>
    /// <param name="b">Columns, one or two vectors a place.</param>
    /// <param name="c">Result.</param>
    /// <param name="cStep">Distance of its rows.</param>
    /// <param name="wide">Whether the columns are two vectors.</param>
    /// <param name="add">Whether the product is added to the result.</param>
    static abstract void Multiply(in PixelPanel pixels, nint rows, float* b, float* c, nint cStep, bool wide, bool add);
}
