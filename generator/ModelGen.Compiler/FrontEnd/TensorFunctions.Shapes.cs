using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.FrontEnd;

/// <content>Shapes, reductions and products.</content>
internal static partial class TensorFunctions
{
    private static void AddShapes(Dictionary<string, Func<CallArguments, object?>> table)
    {
        Add(table, "t", "view", static c => Reshape(c, c.Dims("shape")));
        Add(table, "Tt", "reshape", static c => Reshape(c, c.Dims("shape")));
        Add(table, "Tt", "flatten", Flatten);
        Add(table, "Tt", "unflatten", Unflatten);
        Add(table, "Tt", "permute", static c => c.Graph.Permute(c.Self, [.. c.Dims("permutation", "dims").Select(dim => Axis(c, "permute", dim))]));
        Add(table, "Tt", "transpose", static c => Swap(c, c.Int("dim0", 0), c.Int("dim1", 1)));
        Add(table, "Tt", "t", static c => c.Graph.TypeOf(c.Self).Rank switch
        {
            < 2 => c.Self,
            2 => Swap(c, 0, 1),
            _ => throw new OpException($"t needs at most two dimensions, got {c.Graph.TypeOf(c.Self).ShapeText()}; use transpose(dim0, dim1)"),
        });
        Add(table, "Tt", "unsqueeze", Unsqueeze);
        Add(table, "Tt", "squeeze", Squeeze);
        Add(table, "T", "cat", static c => Cat(c, [.. Tensors(c)]));
        Add(table, "T", "stack", Stack);
        AddAny(table, "T", "meshgrid", Meshgrid);
        Add(table, "Tt", "narrow", static c =>
        {
            long axis = Axis(c, "narrow", c.Int("dim", 0));
            Dim start = c.Dims("start")[0];
            return c.Graph.Slice(c.Self, axis, start.Constant < 0 ? c.Graph.TypeOf(c.Self).Shape[(int)axis] + start : start, c.Dims("length")[0]);
        });
        AddAny(table, "Tt", "chunk", static c => Chunk(c));
        AddAny(table, "Tt", "split", static c => Split(c));
        AddAny(table, "t", "size", static c => c["dim"] is null ? Shape(c) : Shape(c).Items[(int)Axis(c, "size", c.Int("dim", 0))]);
        AddAny(table, "t", "dim", static c => (Dim)c.Graph.TypeOf(c.Self).Rank);
    }

    /// <summary>Grids of coordinates: every vector repeated along the dimensions of the others. <c>xy</c> swaps the first two.</summary>
    private static SymList Meshgrid(CallArguments c)
    {
        int[] vectors = [.. Tensors(c)];
        bool swapped = vectors.Length > 1 && (c["indexing"] as string ?? "ij") switch
        {
            "ij" => false,
            "xy" => true,
            var other => throw new OpException($"meshgrid: indexing is 'ij' or 'xy', not '{other}'"),
        };
        if (vectors.Any(vector => c.Graph.TypeOf(vector).Rank > 1))
        {
            throw new OpException("meshgrid takes vectors");
        }

        int[] order = [.. vectors.Select((_, index) => swapped && index < 2 ? 1 - index : index)];
        Dim[] shape = [.. order.Select(index => c.Graph.TypeOf(vectors[index]).Count)];
        return new SymList(vectors.Select((vector, index) =>
        {
            Dim[] along = [.. Enumerable.Repeat(Dim.One, vectors.Length)];
            along[order[index]] = c.Graph.TypeOf(vector).Count;
            return (object?)new SymTensor(c.Graph.Add("expand", [c.Graph.Reshape(vector, along)], ("shape", shape)));
        }));
    }

    private static SymList Shape(CallArguments c) => new(c.Graph.TypeOf(c.Self).Shape);

    private static long Axis(CallArguments c, string op, Dim axis) =>
        OpContext.Axis(op, axis.Constant ?? throw new UnsupportedException($"{op}: the dimension must be known during the build"), c.Graph.TypeOf(c.Self).Rank);

    private static int Reshape(CallArguments c, Dim[] shape)
    {
        TensorType type = c.Graph.TypeOf(c.Self);
        int free = Array.FindIndex(shape, static dim => dim.Constant == -1);
        if (free >= 0)
        {
            Dim known = shape.Where((_, index) => index != free).Aggregate(Dim.One, static (product, dim) => product * dim);
            Dim[] resolved = [.. shape];
            resolved[free] = Dim.DivideExactly(type.Count, known)
                ?? throw new OpException($"reshape: the {type.Count} elements of {type.ShapeText()} do not divide by {known}, so the -1 in [{string.Join(", ", shape.AsEnumerable())}] has no value");
            shape = resolved;
        }

        if (shape.Any(static dim => dim.Constant == -1))
        {
            throw new OpException("reshape: only one size may be -1");
        }

        return c.Graph.Add("reshape", [c.Self], ("shape", shape));
    }

    private static int Flatten(CallArguments c)
    {
        TensorType type = c.Graph.TypeOf(c.Self);
        int start = (int)Axis(c, "flatten", c.Int("start_dim", 0));
        int end = (int)Axis(c, "flatten", c.Int("end_dim", -1));
        if (end < start)
        {
            throw new OpException($"flatten: the last dimension {Invariant.Text(end)} lies before the first {Invariant.Text(start)}");
        }

        Dim joined = type.Shape.Skip(start).Take(end - start + 1).Aggregate(Dim.One, static (product, dim) => product * dim);
        return c.Graph.Reshape(c.Self, new Dim[] { }.Concat(type.Shape.Take(start)).Append(joined).Concat(type.Shape.Skip(end + 1)).ToEquatableArray());
    }

    private static int Unflatten(CallArguments c)
    {
        TensorType type = c.Graph.TypeOf(c.Self);
        int axis = (int)Axis(c, "unflatten", c.Int("dim", 0));
        return Reshape(c, [.. type.Shape.Take(axis), .. c.Dims("sizes"), .. type.Shape.Skip(axis + 1)]);
    }

    private static int Swap(CallArguments c, long first, long second)
    {
        TensorType type = c.Graph.TypeOf(c.Self);
        long[] order = [.. Enumerable.Range(0, type.Rank).Select(static axis => (long)axis)];
        (long a, long b) = (OpContext.Axis("transpose", first, type.Rank), OpContext.Axis("transpose", second, type.Rank));
        (order[a], order[b]) = (order[b], order[a]);
        return c.Graph.Permute(c.Self, order);
    }

    private static int Unsqueeze(CallArguments c)
    {
        TensorType type = c.Graph.TypeOf(c.Self);
        int axis = (int)OpContext.Axis("unsqueeze", c.Int("dim", 0), type.Rank + 1);
        return c.Graph.Reshape(c.Self, type.Shape.Take(axis).Append(Dim.One).Concat(type.Shape.Skip(axis)).ToEquatableArray());
    }

    private static int Squeeze(CallArguments c)
    {
        TensorType type = c.Graph.TypeOf(c.Self);
        if (c["dim"] is null)
        {
            return type.Shape.All(static dim => dim.Constant is not null)
                ? c.Graph.Reshape(c.Self, type.Shape.Where(static dim => dim.Constant != 1).ToEquatableArray())
                : throw new OpException($"squeeze() of {type.ShapeText()} would depend on whether a symbolic size is 1; name the dimension: squeeze(dim)");
        }

        int axis = (int)Axis(c, "squeeze", c.Int("dim", 0));
        return type.Shape[axis].Constant switch
        {
            1 => c.Graph.Reshape(c.Self, type.Shape.Where((_, index) => index != axis).ToEquatableArray()),
            null => throw new OpException($"squeeze({Invariant.Text(axis)}) of {type.ShapeText()}: the symbolic size {type.Shape[axis]} may or may not be 1"),
            _ => c.Self,
        };
    }

    private static IEnumerable<int> Tensors(CallArguments c) =>
        c["tensors"] is SymList list && list.Items.Count > 0 && list.Items.All(static item => item is SymTensor)
            ? list.Items.Select(static item => ((SymTensor)item!).Id)
            : throw new UnsupportedException("the list of tensors must be known during the build and must not be empty");

    private static int Cat(CallArguments c, int[] tensors) =>
        Concatenated(c.Graph, tensors, OpContext.Axis("cat", c.Int("dim", c.Int("axis", 0)), c.Graph.TypeOf(tensors[0]).Rank));

    /// <summary>Tensors side by side, in the type that holds them all.</summary>
    private static int Concatenated(GraphBuilder g, int[] tensors, long axis)
    {
        DType type = tensors.Select(tensor => g.TypeOf(tensor).DType).Aggregate(DTypes.Promote);
        return g.Add("cat", [.. tensors.Select(tensor => g.Cast(tensor, type))], ("axis", axis));
    }

    private static int Stack(CallArguments c)
    {
        int[] tensors = [.. Tensors(c)];
        int rank = c.Graph.TypeOf(tensors[0]).Rank;
        int axis = (int)OpContext.Axis("stack", c.Int("dim", 0), rank + 1);
        int[] raised =
        [
            .. tensors.Select(tensor => c.Graph.Reshape(tensor, c.Graph.TypeOf(tensor).Shape.Take(axis).Append(Dim.One).Concat(c.Graph.TypeOf(tensor).Shape.Skip(axis)).ToEquatableArray())),
        ];
        return Concatenated(c.Graph, raised, axis);
    }

    private static SymList Chunk(CallArguments c)
    {
        TensorType type = c.Graph.TypeOf(c.Self);
        long axis = Axis(c, "chunk", c.Int("dim", 0));
        long size = type.Shape[(int)axis].Constant ?? throw new UnsupportedException($"chunk: the size {type.Shape[(int)axis]} must be known during the build");
        long chunks = c.Int("chunks", 1);
        return chunks < 1
            ? throw new OpException($"chunk: {Invariant.Text(chunks)} is not a number of parts; it must be at least 1")
            : Pieces(c, axis, size, (size / chunks) + (size % chunks > 0 ? 1 : 0));
    }

    private static SymList Split(CallArguments c)
    {
        TensorType type = c.Graph.TypeOf(c.Self);
        long axis = Axis(c, "split", c.Int("dim", 0));
        long size = type.Shape[(int)axis].Constant ?? throw new UnsupportedException($"split: the size {type.Shape[(int)axis]} must be known during the build");
        if (c["size"] is not null)
        {
            return Pieces(c, axis, size, c.Int("size", 1));
        }

        Dim[] sizes = c.Dims("sizes", "split_size_or_sections");
        Dim start = Dim.Zero;
        var parts = new List<object?>();
        foreach (Dim length in sizes)
        {
            parts.Add(new SymTensor(c.Graph.Slice(c.Self, axis, start, length)));
            start += length;
        }

        return start.Constant == size ? new SymList(parts) : throw new OpException($"split: the sizes add up to {start}, but dimension {Invariant.Text(axis)} of {type.ShapeText()} has {Invariant.Text(size)}");
    }

    /// <summary>Each part is a value of the graph, so there cannot be any number of them.</summary>
    private const int MostPieces = 20_000;

    private static SymList Pieces(CallArguments c, long axis, long size, long piece)
    {
        if (size > 0 && (piece < 1 || size / piece >= MostPieces))
        {
            throw new OpException($"split: {Invariant.Text(size)} elements cannot be split into parts of {Invariant.Text(piece)} here; parts have at least one element, and there are at most {Invariant.Text(MostPieces)} of them");
        }

        // The last part ends the loop by its size: adding first could overflow.
        var parts = new List<object?>();
        for (long start = 0; start < size; start += Math.Min(piece, size - start))
        {
            parts.Add(new SymTensor(c.Graph.Slice(c.Self, axis, start, Math.Min(piece, size - start))));
        }

        return new SymList(parts);
    }
}
