using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Lowering;

/// <summary>
/// The loops over the elements of several tensors of one (broadcast) shape: dimensions in the order in which the first tensor lies in memory, neighbours joined where all
/// tensors allow it.
/// </summary>
internal sealed class LoopNest
{
    private LoopNest(IReadOnlyList<Dim> sizes, IReadOnlyList<IReadOnlyList<Dim>> strides)
    {
        Sizes = sizes;
        Strides = strides;
    }

    /// <summary>Sizes of the loops, outermost first; at least one.</summary>
    public IReadOnlyList<Dim> Sizes { get; }

    /// <summary>Of each tensor its stride in each loop; 0 where it repeats.</summary>
    public IReadOnlyList<IReadOnlyList<Dim>> Strides { get; }

    /// <summary>The innermost loop.</summary>
    public Dim Inner => Sizes[Sizes.Count - 1];

    /// <summary>Joins dimensions.</summary>
    /// <param name="shape">Shape of the loops.</param>
    /// <param name="order">Dimensions, outermost first.</param>
    /// <param name="strides">Strides of each tensor in the dimensions of the shape.</param>
    public static LoopNest Of(EquatableArray<Dim> shape, EquatableArray<long> order, IReadOnlyList<EquatableArray<Dim>> strides)
    {
        var sizes = new List<Dim>();
        List<Dim>[] joined = [.. strides.Select(static _ => new List<Dim>())];
        foreach (int axis in order.Select(static axis => (int)axis).Where(axis => shape[axis].Constant != 1))
        {
            int last = sizes.Count - 1;
            if (last >= 0 && strides.Select((tensor, i) => joined[i][last].Equals(tensor[axis] * shape[axis])).All(static same => same))
            {
                sizes[last] *= shape[axis];
                for (int i = 0; i < joined.Length; i++)
                {
                    joined[i][last] = strides[i][axis];
                }

                continue;
            }

            sizes.Add(shape[axis]);
            for (int i = 0; i < joined.Length; i++)
            {
                joined[i].Add(strides[i][axis]);
            }
        }

        if (sizes.Count == 0)
        {
            sizes.Add(Dim.One);
            Array.ForEach(joined, static list => list.Add(Dim.One));
        }

        return new LoopNest(sizes, joined);
    }

    /// <summary>The dimensions in the order in which a tensor lies in memory: by falling stride, where sizes that are known only at run time count as large.</summary>
    public static EquatableArray<long> OrderOf(Place place)
    {
        Dictionary<string, long> sizes = place.Shape.Concat(place.Strides).SelectMany(static dim => dim.Symbols()).Distinct().ToDictionary(static name => name, static _ => 97L);
        return Place.Identity(place.Shape.Count).OrderByDescending(axis => place.Strides[(int)axis].Evaluate(sizes)).ToEquatableArray();
    }
}
