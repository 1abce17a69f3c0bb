using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Lowering;

/// <summary>Where a tensor lies: element (i, j, ...) is at <c>Offset + i * Strides[0] + j * Strides[1] ...</c> of a buffer.</summary>
internal sealed record Place(int Buffer, Dim Offset, EquatableArray<Dim> Shape, EquatableArray<Dim> Strides)
{
    /// <summary>Whether the elements lie one after another in the order of the dimensions.</summary>
    public bool IsRowMajor => AreRowMajor(Shape, Strides);

    /// <summary>Number of different elements: what is repeated counts once.</summary>
    public Dim Elements => Shape.Zip(Strides, static (size, stride) => stride.Constant == 0 ? Dim.One : size).Aggregate(Dim.One, static (product, size) => product * size);

    /// <summary>A tensor at the start of a buffer, stored by rows.</summary>
    public static Place RowMajor(int buffer, EquatableArray<Dim> shape) => new(buffer, Dim.Zero, shape, RowMajorStrides(shape));

    public static EquatableArray<Dim> RowMajorStrides(EquatableArray<Dim> shape) => DenseStrides(shape, Identity(shape.Count));

    /// <summary>The dimensions from first to last.</summary>
    public static EquatableArray<long> Identity(int rank) => Enumerable.Range(0, rank).Select(static axis => (long)axis).ToEquatableArray();

    /// <summary>Strides of a tensor without gaps.</summary>
    /// <param name="shape">Its shape.</param>
    /// <param name="order">Its dimensions, outermost first.</param>
    public static EquatableArray<Dim> DenseStrides(EquatableArray<Dim> shape, EquatableArray<long> order)
    {
        var strides = new Dim[shape.Count];
        Dim stride = Dim.One;
        for (int i = order.Count - 1; i >= 0; i--)
        {
            strides[(int)order[i]] = stride;
            stride *= shape[(int)order[i]];
        }

        return strides;
    }

    /// <summary>Whether the elements lie one after another in an order of the dimensions.</summary>
    public bool IsDense(EquatableArray<long> order) => Permute(order).IsRowMajor;

    public Place Permute(EquatableArray<long> order) => this with
    {
        Shape = order.Select(axis => Shape[(int)axis]).ToEquatableArray(),
        Strides = order.Select(axis => Strides[(int)axis]).ToEquatableArray(),
    };

    public Place Slice(int axis, Dim start, Dim length) => this with
    {
        Offset = Offset + (start * Strides[axis]),
        Shape = Shape.Select((dim, index) => index == axis ? length : dim).ToEquatableArray(),
    };

    /// <summary>Repeats dimensions of size 1 and adds leading ones, as broadcasting does.</summary>
    public Place Expand(EquatableArray<Dim> shape)
    {
        int added = shape.Count - Shape.Count;
        return this with { Shape = shape, Strides = shape.Select((dim, i) => i < added || (Shape[i - added].Constant == 1 && dim.Constant != 1) ? Dim.Zero : Strides[i - added]).ToEquatableArray() };
    }

    /// <summary>The same elements in another shape without moving them; null when that is impossible.</summary>
    public Place? Reshape(EquatableArray<Dim> shape)
    {
        if (IsRowMajor)
        {
            return this with { Shape = shape, Strides = RowMajorStrides(shape) };
        }

        // As PyTorch's view: runs of dimensions that lie one after another are cut anew.
        var strides = new Dim[shape.Count];
        int next = shape.Count - 1;
        Dim step = Shape.Count == 0 ? Dim.One : Strides[Shape.Count - 1];
        Dim run = Dim.One;
        for (int i = Shape.Count - 1; i >= 0; i--)
        {
            run *= Shape[i];
            if (i > 0 && (Shape[i - 1].Constant == 1 || Strides[i - 1].Equals(run * step)))
            {
                continue;
            }

            Dim covered = Dim.One;
            while (next >= 0 && (!covered.Equals(run) || shape[next].Constant == 1))
            {
                strides[next] = covered * step;
                covered *= shape[next--];
            }

            if (!covered.Equals(run))
            {
                return null;
            }

            if (i > 0)
            {
                step = Strides[i - 1];
                run = Dim.One;
            }
        }

        return next < 0 ? this with { Shape = shape, Strides = strides } : null;
    }

    private static bool AreRowMajor(EquatableArray<Dim> shape, EquatableArray<Dim> strides)
    {
        Dim stride = Dim.One;
        for (int i = shape.Count - 1; i >= 0; i--)
        {
            if (shape[i].Constant != 1 && !strides[i].Equals(stride))
            {
                return false;
            }

            stride *= shape[i];
        }

        return true;
    }
}
