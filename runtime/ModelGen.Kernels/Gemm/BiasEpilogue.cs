using System.ComponentModel;

namespace ModelGen.Kernels;

/// <summary>Adds a number per column.</summary>
/// <param name="bias">Numbers [columns].</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly unsafe struct BiasEpilogue<V>(Floats bias) : ITileEpilogue
    where V : unmanaged, IVector<V>
{
    /// <inheritdoc/>
    public void Run(Floats tile, nint stride, nint row, nint rows, nint column, nint columns)
    {
        for (nint j = 0; j < columns; j += V.Count)
        {
            V added = V.Load(bias + (column + j));
            float* place = tile + j;
            int lanes = (int)Math.Min(V.Count, columns - j);
            for (nint i = 0; i < rows; i++, place += stride)
            {
                if (lanes == V.Count)
                {
                    (V.Load(place) + added).Store(place);
                }
                else
                {
                    (V.LoadFirst(place, lanes) + added).StoreFirst(place, lanes);
                }
            }
        }
    }
}
