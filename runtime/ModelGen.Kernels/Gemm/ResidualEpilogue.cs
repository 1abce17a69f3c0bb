using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>Adds a number per column and a matrix of the result's size; what is negative then can become zero, NaN stays.</summary>
/// <param name="bias">Numbers [columns], or the default: none.</param>
/// <param name="residual">Matrix added.</param>
/// <param name="residualRow">Distance of its rows.</param>
/// <param name="relu">Whether negative results become zero.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly unsafe struct ResidualEpilogue<V>(Floats bias, Floats residual, nint residualRow, bool relu) : ITileEpilogue
    where V : unmanaged, IVector<V>
{
    /// <inheritdoc/>
    public void Run(Floats tile, nint stride, nint row, nint rows, nint column, nint columns)
    {
        V least = V.All(relu ? 0 : float.NegativeInfinity);
        for (nint j = 0; j < columns; j += V.Count)
        {
            V added = bias.Address is null ? V.Zero : V.Load(bias + (column + j));
            float* place = tile + j;
            float* other = residual + ((row * residualRow) + column + j);
            int lanes = (int)Math.Min(V.Count, columns - j);
            for (nint i = 0; i < rows; i++, place += stride, other += residualRow)
            {
                if (lanes == V.Count)
                {
                    V.Max(least, V.Load(place) + added + V.Load(other)).Store(place);
                }
                else
                {
                    V.Max(least, V.LoadFirst(place, lanes) + added + V.LoadFirst(other, lanes)).StoreFirst(place, lanes);
                }
            }
        }
    }
}
