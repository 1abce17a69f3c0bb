using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.FrontEnd;

/// <content>Indexing, repetition, rearranging.</content>
internal static partial class TensorFunctions
{
    private static void AddIndexing(Dictionary<string, Func<CallArguments, object?>> table)
    {
        Add(table, "Tt", "gather", static c => c.Graph.Add("gather", [c.Self, Whole(c.Graph, c.Tensor("index"))], ("axis", Axis(c, "gather", c.Int("dim", 0)))));
        Add(table, "Tt", "take_along_dim", TakeAlong);
        Add(table, "Tt", "index_select", static c => Take(c.Graph, c.Self, (int)Axis(c, "index_select", c.Int("dim", 0)), c.Tensor("index")));
        foreach (string name in new[] { "scatter", "scatter_add" })
        {
            Add(table, "Tt", name, c => c.Graph.Add(name, [c.Self, Whole(c.Graph, c.Tensor("index")), c.Graph.Cast(c.Tensor("src"), c.Graph.TypeOf(c.Self).DType)], ("axis", Axis(c, name, c.Int("dim", 0)))));
        }

        Add(table, "t", "select", static c => Select(c.Graph, c.Self, Axis(c, "select", c.Int("dim", 0)), c.Dims("index")[0]));
        Add(table, "T", "select", static c => Select(c.Graph, c.Self, Axis(c, "select", c.Int("dim", 0)), c.Dims("index")[0]));
        AddAny(table, "Tt", "unbind", static c =>
        {
            long axis = Axis(c, "unbind", c.Int("dimension", c.Int("dim", 0)));
            long count = c.Graph.TypeOf(c.Self).Shape[(int)axis].Constant ?? throw new UnsupportedException("unbind along a symbolic size gives an unknown number of tensors");
            if (count > MostPieces)
            {
                throw new UnsupportedException($"unbind gives {Invariant.Text(count)} tensors here; there may be at most {Invariant.Text(MostPieces)}");
            }

            return new SymList(Enumerable.Range(0, (int)count).Select(index => (object?)new SymTensor(Select(c.Graph, c.Self, axis, index))).ToArray());
        });
        Add(table, "F", "one_hot", static c =>
        {
            long classes = c.Int("num_classes", -1);
            if (classes < 1)
            {
                throw new UnsupportedException("one_hot needs num_classes known during the build");
            }

            int range = c.Graph.Add("range", [], ("start", new[] { Dim.Zero }), ("offset", 0.0), ("step", 1.0), ("length", new[] { (Dim)classes }), ("dtype", DType.Int64));
            int column = c.Graph.Reshape(c.Self, c.Graph.TypeOf(c.Self).Shape.Append(Dim.One).ToEquatableArray());
            return c.Graph.Cast(c.Graph.Add("eq", [column, range]), DType.Int64);
        });
        Add(table, "F", "embedding", static c => c.Graph.Add("embedding", [c.Tensor("weight"), Whole(c.Graph, c.Tensor("input", "x"))]));
    }

    private static int TakeAlong(CallArguments c)
    {
        GraphBuilder g = c.Graph;
        int index = Whole(g, c.Tensor("indices"));
        if (!c.Has("dim"))
        {
            return g.Add("gather", [g.Reshape(c.Self, new[] { g.TypeOf(c.Self).Count }), g.Reshape(index, new[] { g.TypeOf(index).Count })], ("axis", 0L));
        }

        int axis = (int)Axis(c, "take_along_dim", c.Int("dim", 0));
        (EquatableArray<Dim> values, EquatableArray<Dim> positions) = (g.TypeOf(c.Self).Shape, g.TypeOf(index).Shape);
        if (positions.Count != values.Count)
        {
            throw new OpException($"take_along_dim: the index {g.TypeOf(index).ShapeText()} and the tensor {g.TypeOf(c.Self).ShapeText()} need the same number of dimensions");
        }

        // All dimensions but the one picked from are broadcast.
        Dim[] common = [.. values.Select((size, position) => position != axis && size.Constant == 1 ? positions[position] : size)];
        int Stretched(int x, Dim own) =>
            g.TypeOf(x).Shape.Where((size, position) => position != axis && !size.Equals(common[position])).Any() ? g.Add("expand", [x], ("shape", common.Select((size, position) => position == axis ? own : size).ToArray())) : x;
        return g.Add("gather", [Stretched(c.Self, values[axis]), Stretched(index, positions[axis])], ("axis", (long)axis));
    }

    private static int Whole(GraphBuilder g, int index) => g.TypeOf(index).DType.IsFloat() ? throw new OpException($"an index must hold whole numbers, got {g.TypeOf(index)}") : g.Cast(index, DType.Int64);

    private static int Select(GraphBuilder g, int x, long axis, Dim index)
    {
        EquatableArray<Dim> shape = g.TypeOf(x).Shape;
        Dim start = index.Constant < 0 ? shape[(int)axis] + index : index;
        return g.Reshape(g.Slice(x, axis, start, 1), shape.Where((_, position) => position != axis).ToEquatableArray());
    }

    /// <summary>Slices along one dimension, picked by an integer tensor whose dimensions take its place.</summary>
    public static int Take(GraphBuilder g, int value, int axis, int picks)
    {
        TensorType type = g.TypeOf(value);
        TensorType index = g.TypeOf(picks);
        picks = Whole(g, picks);
        long[] toFront = [axis, .. Enumerable.Range(0, type.Rank).Where(other => other != axis).Select(static other => (long)other)];
        int front = axis == 0 ? value : g.Permute(value, toFront);
        Dim[] rest = [.. type.Shape.Where((_, position) => position != axis)];
        int table = g.Reshape(front, new[] { type.Shape[axis], rest.Aggregate(Dim.One, static (product, dim) => product * dim) });
        int rows = g.Reshape(g.Add("embedding", [table, picks]), index.Shape.Concat(rest).ToEquatableArray());
        if (axis == 0)
        {
            return rows;
        }

        long[] back =
        [
            .. Enumerable.Range(index.Rank, axis).Select(static other => (long)other),
            .. Enumerable.Range(0, index.Rank).Select(static other => (long)other),
            .. Enumerable.Range(index.Rank + axis, rest.Length - axis).Select(static other => (long)other),
        ];
        return g.Permute(rows, back);
    }

    private static void AddRearranging(Dictionary<string, Func<CallArguments, object?>> table)
    {
        Add(table, "t", "expand", Expand);
        Add(table, "Tt", "broadcast_to", Expand);
        Add(table, "t", "expand_as", static c => c.Graph.Add("expand", [c.Self], ("shape", c.Graph.TypeOf(c.Tensor("other")).Shape)));
        Add(table, "t", "view_as", static c => Reshape(c, [.. c.Graph.TypeOf(c.Tensor("other")).Shape]));
        Add(table, "t", "reshape_as", static c => Reshape(c, [.. c.Graph.TypeOf(c.Tensor("other")).Shape]));
        Add(table, "Tt", "flip", static c => c.Graph.Add("flip", [c.Self], ("axes", c.Axes(c.Graph.TypeOf(c.Self), "flip", c["dims"]))));
        Add(table, "Tt", "roll", Roll);
        Add(table, "t", "repeat", static c => Repeat(c.Graph, c.Self, c.Dims("sizes", "reps")));
        Add(table, "Tt", "tile", static c => Repeat(c.Graph, c.Self, Padded(c.Dims("reps", "dims", "sizes"), c.Graph.TypeOf(c.Self).Rank)));
        Add(table, "Tt", "repeat_interleave", RepeatInterleave);
        foreach (string name in new[] { "swapaxes", "swapdims", "swap_axes" })
        {
            Add(table, "Tt", name, static c => Swap(c, c.Any("dim0", "axis0") is Dim { Constant: long a } ? a : 0, c.Any("dim1", "axis1") is Dim { Constant: long b } ? b : 1));
        }

        foreach (string name in new[] { "movedim", "moveaxis" })
        {
            Add(table, "Tt", name, Move);
        }

        Add(table, "Tt", "adjoint", static c => c.Graph.Transposed(c.Self));
        Add(table, "Tt", "ravel", static c => c.Graph.Reshape(c.Self, new[] { c.Graph.TypeOf(c.Self).Count }));
        Add(table, "t", "slice", static c => SliceOf(c));
        Add(table, "t", "unfold", Windows);
        foreach ((string name, int axis) in new[] { ("hstack", 1), ("vstack", 0), ("row_stack", 0), ("dstack", 2) })
        {
            Add(table, "T", name, c => Joined(c, axis));
        }

        foreach (string name in new[] { "concat", "concatenate" })
        {
            Add(table, "T", name, static c => Cat(c, [.. Tensors(c)]));
        }

        AddAny(table, "t", "IntShape", static c => new SymList(c.Graph.TypeOf(c.Self).Shape));
    }

    private static int Expand(CallArguments c)
    {
        TensorType type = c.Graph.TypeOf(c.Self);
        Dim[] sizes = c.Dims("sizes", "shape", "size");
        int lead = sizes.Length - type.Rank;
        Dim[] shape = [.. sizes.Select((size, index) => size.Constant == -1 && index >= lead ? type.Shape[index - lead] : size)];
        return c.Graph.Add("expand", [c.Self], ("shape", shape));
    }

    private static Dim[] Padded(Dim[] repeats, int rank) => repeats.Length >= rank ? repeats : [.. Enumerable.Repeat(Dim.One, rank - repeats.Length), .. repeats];

    private static int Repeat(GraphBuilder g, int x, Dim[] repeats)
    {
        EquatableArray<Dim> shape = g.TypeOf(x).Shape;
        if (repeats.Length < shape.Count)
        {
            throw new OpException($"repeat: {Invariant.Text(repeats.Length)} counts for a tensor {g.TypeOf(x).ShapeText()}; give one for every dimension");
        }

        Dim[] padded = [.. Enumerable.Repeat(Dim.One, repeats.Length - shape.Count), .. shape];
        if (repeats.All(static count => count.Constant == 1))
        {
            return g.Reshape(x, padded);
        }

        // Every dimension gets one of size 1 before it, which is stretched and then joined with it.
        int split = g.Reshape(x, padded.SelectMany(static size => new[] { Dim.One, size }).ToEquatableArray());
        int stretched = g.Add("expand", [split], ("shape", padded.SelectMany((size, axis) => new[] { repeats[axis], size }).ToArray()));
        return g.Reshape(stretched, padded.Select((size, axis) => size * repeats[axis]).ToEquatableArray());
    }

    private static int RepeatInterleave(CallArguments c)
    {
        GraphBuilder g = c.Graph;
        if (c["repeats"] is not Dim repeats)
        {
            throw new UnsupportedException("repeat_interleave with a tensor of counts gives a size that depends on values; pass a number");
        }

        int x = c["dim"] is null ? g.Reshape(c.Self, new[] { g.TypeOf(c.Self).Count }) : c.Self;
        int axis = c["dim"] is null ? 0 : (int)Axis(c, "repeat_interleave", c.Int("dim", 0));
        EquatableArray<Dim> shape = g.TypeOf(x).Shape;
        int split = g.Reshape(x, shape.Take(axis + 1).Append(Dim.One).Concat(shape.Skip(axis + 1)).ToEquatableArray());
        int stretched = g.Add("expand", [split], ("shape", shape.Take(axis + 1).Append(repeats).Concat(shape.Skip(axis + 1)).ToArray()));
        return g.Reshape(stretched, shape.Select((size, position) => position == axis ? size * repeats : size).ToEquatableArray());
    }

    private static int Roll(CallArguments c)
    {
        GraphBuilder g = c.Graph;
        long[] shifts = [.. c.Dims("shifts").Select(static shift => shift.Constant ?? throw new UnsupportedException("roll: the shift must be known during the build"))];
        if (c.Any("dims", "dim") is null)
        {
            EquatableArray<Dim> shape = g.TypeOf(c.Self).Shape;
            return g.Reshape(Rolled(g, g.Reshape(c.Self, new[] { g.TypeOf(c.Self).Count }), 0, shifts[0]), shape);
        }

        Dim[] axes = c.Dims("dims", "dim");
        int x = c.Self;
        for (int i = 0; i < axes.Length; i++)
        {
            x = Rolled(g, x, Axis(c, "roll", axes[i]), shifts[Math.Min(i, shifts.Length - 1)]);
        }

        return x;
    }

    private static int Rolled(GraphBuilder g, int x, long axis, long shift)
    {
        Dim size = g.TypeOf(x).Shape[(int)axis];
        if (size.Constant is long known)
        {
            shift = ((shift % known) + known) % known;
            return shift == 0 ? x : g.Add("cat", [g.Slice(x, axis, known - shift, shift), g.Slice(x, axis, 0, known - shift)], ("axis", axis));
        }

        return shift == 0 ? x
            : shift > 0 ? g.Add("cat", [g.Slice(x, axis, size - shift, shift), g.Slice(x, axis, 0, size - shift)], ("axis", axis))
            : g.Add("cat", [g.Slice(x, axis, -shift, size + shift), g.Slice(x, axis, 0, -shift)], ("axis", axis));
    }

    private static int Move(CallArguments c)
    {
        int rank = c.Graph.TypeOf(c.Self).Rank;
        long[] from = [.. c.Dims("source").Select(axis => Axis(c, "movedim", axis))];
        long[] to = [.. c.Dims("destination").Select(axis => Axis(c, "movedim", axis))];
        if (from.Length != to.Length)
        {
            throw new OpException("movedim: as many sources as destinations are needed");
        }

        long[] order = [.. Enumerable.Repeat(-1L, rank)];
        for (int i = 0; i < from.Length; i++)
        {
            order[to[i]] = from[i];
        }

        var rest = new Queue<long>(Enumerable.Range(0, rank).Select(static axis => (long)axis).Where(axis => !from.Contains(axis)));
        return c.Graph.Permute(c.Self, [.. order.Select(axis => axis >= 0 ? axis : rest.Dequeue())]);
    }

    private static int SliceOf(CallArguments c)
    {
        long axis = Axis(c, "slice", c.Int("dim", 0));
        Dim size = c.Graph.TypeOf(c.Self).Shape[(int)axis];
        Dim Bound(Dim dim) => dim.Constant < 0 ? size + dim : dim.Constant is long known && size.Constant is long limit ? Math.Min(known, limit) : dim;
        foreach (Dim given in (Dim[])[c.Dims("start")[0], .. c.Any("finish", "end", "stop") is null ? [] : c.Dims("finish", "end", "stop")])
        {
            if (given.Constant is long number && size.Constant is null && !Dim.IsNeverNegative(size - Math.Abs(number)))
            {
                throw new UnsupportedException($"slice: the size {size} may be smaller than {Invariant.Text(Math.Abs(number))}, and slices end where the tensor ends; give the size as a number in [Shape], or use narrow");
            }
        }

        Dim start = Bound(c.Dims("start")[0]);
        Dim stop = c.Any("finish", "end", "stop") is null ? size : Bound(c.Dims("finish", "end", "stop")[0]);
        Dim length = (stop - start).Constant < 0 ? Dim.Zero : stop - start;
        long step = c.Int("step", 1);
        if (step == 1)
        {
            return c.Graph.Slice(c.Self, axis, start, length);
        }

        if (start.Constant is not long first || length.Constant is not long known || step < 1)
        {
            throw new UnsupportedException("slice with a step needs a region known during the build; use the indexer x[TensorIndex.Slice(start, stop, step)]");
        }

        int picks = c.Graph.Add("range", [], ("start", new[] { Dim.Zero }), ("offset", (double)first), ("step", (double)step), ("length", new[] { (Dim)((known + step - 1) / step) }), ("dtype", DType.Int64));
        return Take(c.Graph, c.Self, (int)axis, picks);
    }

    /// <summary>Sliding windows along a dimension; the window becomes the last dimension.</summary>
    private static int Windows(CallArguments c)
    {
        GraphBuilder g = c.Graph;
        int axis = (int)Axis(c, "unfold", c.Int("dimension", 0));
        (long size, long step) = (c.Int("size", 1), c.Int("step", 1));
        TensorType type = g.TypeOf(c.Self);
        long length = type.Shape[axis].Constant ?? throw new UnsupportedException("unfold along a symbolic size is not supported; give that size as a number in [Shape]");
        if (size > length || step < 1)
        {
            throw new OpException($"unfold: windows of {Invariant.Text(size)} do not fit dimension {Invariant.Text(axis)} of {type.ShapeText()}");
        }

        long windows = ((length - size) / step) + 1;
        double[] positions = [.. Enumerable.Range(0, (int)windows).SelectMany(window => Enumerable.Range(0, (int)size).Select(offset => (double)((window * step) + offset)))];
        int picks = g.Add("literal", [], ("values", positions), ("shape", new Dim[] { windows, size }), ("dtype", DType.Int64));
        int taken = Take(g, c.Self, axis, picks);
        long[] order = [.. Enumerable.Range(0, type.Rank + 1).Where(position => position != axis + 1).Select(static position => (long)position), axis + 1];
        return g.Permute(taken, order);
    }

    /// <summary>Tensors side by side, after missing dimensions of size 1 are added as PyTorch does for this direction.</summary>
    private static int Joined(CallArguments c, int axis)
    {
        GraphBuilder g = c.Graph;
        int Raised(int tensor)
        {
            Dim[] shape = [.. g.TypeOf(tensor).Shape];
            shape = shape.Length == 0 ? [Dim.One] : shape;
            shape = axis != 1 && shape.Length == 1 ? [Dim.One, .. shape] : shape;
            return g.Reshape(tensor, axis == 2 && shape.Length == 2 ? [.. shape, Dim.One] : shape);
        }

        int[] tensors = [.. Tensors(c).Select(Raised)];
        return Concatenated(g, tensors, g.TypeOf(tensors[0]).Rank == 1 ? 0 : axis);
    }
}
