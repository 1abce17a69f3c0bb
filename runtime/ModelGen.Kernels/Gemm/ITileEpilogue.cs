using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>What happens to a piece of a product as soon as it is complete, while it is in the nearest cache: bias, activation, residual and the like.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public interface ITileEpilogue
{
    /// <summary>Whether it adds up over the tiles that a worker handles: which worker handles which tile must then always be the same.</summary>
    static virtual bool AddsUp => false;

    /// <summary>Handles a tile of the result.</summary>
    /// <param name="tile">Its first number; rows are <paramref name="stride"/> apart.</param>
    /// <param name="stride">Distance of rows.</param>
    /// <param name="row">Row of the result at which the tile begins.</param>
    /// <param name="rows">Rows of the tile.</param>
    /// <param name="column">Column of the result at which the tile begins.</param>
    /// <param name="columns">Columns of the tile.</param>
    void Run(Floats tile, nint stride, nint row, nint rows, nint column, nint columns);
}

/// <summary>Leaves the product as it is.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly struct NoEpilogue : ITileEpilogue
{
    /// <inheritdoc/>
    public void Run(Floats tile, nint stride, nint row, nint rows, nint column, nint columns)
    {
    }
}
