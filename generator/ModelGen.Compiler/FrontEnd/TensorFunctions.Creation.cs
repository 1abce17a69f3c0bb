using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.FrontEnd;

/// <content>Tensors made from numbers.</content>
internal static partial class TensorFunctions
{
    private const int MaxLiteral = 65_536;

    private static void AddCreation(Dictionary<string, Func<CallArguments, object?>> table)
    {
        foreach ((string name, double value) in new[] { ("zeros", 0.0), ("ones", 1.0) })
        {
            Add(table, "T", name, c => Full(c, SizesOf(c), value, TypeOr(c, DType.Float32)));
            Add(table, "Tt", name + "_like", c => Full(c, [.. c.Graph.TypeOf(c.Self).Shape], value, TypeOr(c, c.Graph.TypeOf(c.Self).DType)));
            Add(table, "t", "new_" + name, c => Full(c, SizesOf(c), value, TypeOr(c, c.Graph.TypeOf(c.Self).DType)));
        }

        Add(table, "T", "full", static c => Full(c, SizesOf(c, "value"), Numeric(c["value"]), TypeOr(c, c["value"] is Dim or bool ? DType.Int64 : DType.Float32)));
        Add(table, "Tt", "full_like", static c => Full(c, [.. c.Graph.TypeOf(c.Self).Shape], Numeric(c.Any("value", "fill_value")), TypeOr(c, c.Graph.TypeOf(c.Self).DType)));
        Add(table, "t", "new_full", static c => Full(c, SizesOf(c, "value", "fill_value"), Numeric(c.Any("value", "fill_value")), TypeOr(c, c.Graph.TypeOf(c.Self).DType)));
        Add(table, "T", "arange", Arange);
        Add(table, "T", "linspace", Linspace);
        Add(table, "T", "eye", static c =>
        {
            Dim rows = c.Dims("rows", "n")[0];
            Dim columns = c.Any("columns", "m") is Dim { Constant: not -1 } given ? given : rows;
            return c.Graph.Add("eye", [], ("shape", new[] { rows, columns }), ("dtype", TypeOr(c, DType.Float32)));
        });
        foreach (string name in new[] { "tensor", "as_tensor", "from_array" })
        {
            Add(table, "T", name, Literal);
        }

        Add(table, "Tt", "diag", static c => c.Graph.TypeOf(c.Self).Rank == 1 ? DiagonalMatrix(c) : Diagonal(c, "diagonal"));
        Add(table, "Tt", "diagonal", static c => Diagonal(c, "offset"));
        foreach (string name in new[] { "tril", "triu" })
        {
            Add(table, "Tt", name, c => c.Graph.Add(name, [c.Self], ("diagonal", c.Int("diagonal", 0))));
        }
    }

    /// <summary>A matrix with a vector on its diagonal.</summary>
    private static int DiagonalMatrix(CallArguments c)
    {
        GraphBuilder g = c.Graph;
        TensorType type = g.TypeOf(c.Self);
        Dim size = type.Shape[0];
        long offset = c.Int("diagonal", 0);

        // Chosen, not multiplied: infinite elements must not become NaN elsewhere.
        int places = g.Add("eye", [], ("shape", new[] { size, size }), ("dtype", DType.Bool));
        int matrix = g.Add("where", [places, g.Reshape(c.Self, new[] { Dim.One, size }), g.Constant(0, type.DType)]);
        if (offset == 0)
        {
            return matrix;
        }

        // Beside the main diagonal: columns of zeros on one side, rows on the other.
        long width = Math.Abs(offset);
        int columns = Full(c, [size, width], 0, type.DType);
        int rows = Full(c, [width, size + width], 0, type.DType);
        return offset > 0
            ? g.Add("cat", [g.Add("cat", [columns, matrix], ("axis", 1L)), rows], ("axis", 0L))
            : g.Add("cat", [rows, g.Add("cat", [matrix, columns], ("axis", 1L))], ("axis", 0L));
    }

    /// <summary>A diagonal of two dimensions, which becomes the last one.</summary>
    private static int Diagonal(CallArguments c, string name)
    {
        GraphBuilder g = c.Graph;
        TensorType type = g.TypeOf(c.Self);
        if (type.Rank < 2)
        {
            throw new OpException($"a diagonal needs two dimensions, got {type.ShapeText()}");
        }

        (long first, long second, long offset) = (Axis(c, "diagonal", c.Int("dim1", 0)), Axis(c, "diagonal", c.Int("dim2", 1)), c.Int(name, 0));
        if (first == second)
        {
            throw new OpException("diagonal: dim1 and dim2 must differ");
        }

        (Dim rows, Dim columns) = (type.Shape[(int)first], type.Shape[(int)second]);
        long[] order = [.. Enumerable.Range(0, type.Rank).Select(static axis => (long)axis).Where(axis => axis != first && axis != second), first, second];
        int matrices = order.SequenceEqual(Enumerable.Range(0, type.Rank).Select(static axis => (long)axis)) ? c.Self : g.Permute(c.Self, order);
        Dim[] lead = [.. g.TypeOf(matrices).Shape.Take(type.Rank - 2)];
        if (rows.Equals(columns) && offset == 0 && lead.Length == 0)
        {
            int places = g.Add("range", [], ("start", new[] { Dim.Zero }), ("offset", 0.0), ("step", 1.0), ("length", new[] { rows }), ("dtype", DType.Int64));
            return g.Reshape(g.Add("gather", [matrices, g.Reshape(places, new[] { rows, Dim.One })], ("axis", 1L)), new[] { rows });
        }

        if (rows.Constant is not long height || columns.Constant is not long width)
        {
            throw new UnsupportedException($"the diagonal of {type.ShapeText()} is known only for fixed sizes, or as the main one of a square matrix; give the sizes as numbers in [Shape]");
        }

        // Read row by row, neighbours on a diagonal are one row and one element apart.
        long start = offset >= 0 ? offset : -offset * width;
        long length = Math.Max(0, offset >= 0 ? Math.Min(height, width - offset) : Math.Min(height + offset, width));
        int picks = g.Add("range", [], ("start", new[] { Dim.Zero }), ("offset", (double)start), ("step", (double)(width + 1)), ("length", new[] { (Dim)length }), ("dtype", DType.Int64));
        return Take(g, g.Reshape(matrices, lead.Append(height * width).ToEquatableArray()), lead.Length, picks);
    }

    /// <summary>Sizes given as a list, or one by one.</summary>
    private static Dim[] SizesOf(CallArguments c, params string[] others) =>
        c.Any("size", "shape") is not null ? c.Dims("size", "shape") : [.. c.Given.Where(name => name != "this" && !others.Contains(name)).Select(name => c[name]).OfType<Dim>()];

    private static DType TypeOr(CallArguments c, DType otherwise) => c.Any("dtype", "type") is SymEnum type ? DTypeOf(type) : otherwise;

    private static double Numeric(object? value) => value switch
    {
        double number => number,
        Dim { Constant: long whole } => whole,
        bool flag => flag ? 1 : 0,
        _ => throw new UnsupportedException("the value must be a number known during the build"),
    };

    private static int Full(CallArguments c, Dim[] shape, double value, DType type) => c.Graph.Add("full", [], ("shape", shape), ("value", value), ("dtype", type));

    private static int Arange(CallArguments c)
    {
        object? start = c["start"] ?? Dim.Zero;
        object? stop = c.Any("stop", "end") ?? throw new OpException("arange needs an end");
        object? step = c["step"] ?? Dim.One;
        if (start is Dim first && stop is Dim last && step is Dim { Constant: > 0 and long stride })
        {
            Dim length = stride == 1 ? last - first : Dim.FloorDivide(last - first + (stride - 1), stride);
            return c.Graph.Add("range", [], ("start", new[] { first }), ("offset", 0.0), ("step", (double)stride), ("length", new[] { length }), ("dtype", TypeOr(c, DType.Int64)));
        }

        (double from, double to, double by) = (Numeric(start), Numeric(stop), Numeric(step));
        if (by == 0 || (to - from) / by < 0)
        {
            throw new OpException($"arange from {Invariant.Text(from)} to {Invariant.Text(to)} in steps of {Invariant.Text(by)} never ends");
        }

        bool whole = start is Dim && stop is Dim && step is Dim;
        Dim count = (long)Math.Ceiling((to - from) / by);
        return c.Graph.Add("range", [], ("start", new[] { Dim.Zero }), ("offset", from), ("step", by), ("length", new[] { count }), ("dtype", TypeOr(c, whole ? DType.Int64 : DType.Float32)));
    }

    private static int Linspace(CallArguments c)
    {
        (double start, double end, long steps) = (c.Number("start"), c.Number("end"), c.Int("steps", 1));
        double step = steps > 1 ? (end - start) / (steps - 1) : 0;
        return c.Graph.Add("range", [], ("start", new[] { Dim.Zero }), ("offset", start), ("step", step), ("length", new[] { (Dim)steps }), ("dtype", TypeOr(c, DType.Float32)));
    }

    private static int Literal(CallArguments c)
    {
        object? data = c.Any("rawArray", "dataArray", "scalar", "data", "array");
        if (data is SymTensor tensor)
        {
            return Converted(c.Graph, tensor.Id, TypeOr(c, c.Graph.TypeOf(tensor.Id).DType));
        }

        var values = new List<double>();
        var shape = new List<Dim>();
        bool whole = true;
        bool truth = true;
        void Collect(object? value, int depth)
        {
            if (value is SymList list)
            {
                if (shape.Count == depth)
                {
                    shape.Add(list.Items.Count);
                }
                else if (shape[depth].Constant != list.Items.Count)
                {
                    throw new OpException("tensor: rows of different lengths");
                }

                list.Items.ForEach(item => Collect(item, depth + 1));
                return;
            }

            whole &= value is Dim or bool;
            truth &= value is bool;
            values.Add(value is Dim { Constant: null } size ? throw new UnsupportedException($"tensor: the symbolic size {size} is known only when the model runs; use arithmetic on tensors") : Numeric(value));
        }

        Collect(data, 0);
        if (values.Count > MaxLiteral)
        {
            throw new UnsupportedException($"a literal tensor of {Invariant.Text(values.Count)} numbers is too large for source code; register it as a buffer");
        }

        Dim[] sizes = c.Any("dimensions") is not null ? c.Dims("dimensions") : c["rows"] is Dim rows && c["columns"] is Dim columns ? [rows, columns] : c["dim0"] is Dim ? [.. new[] { "dim0", "dim1", "dim2", "dim3" }.Select(name => c[name]).OfType<Dim>()] : [.. shape];
        DType type = TypeOr(c, truth && values.Count > 0 ? DType.Bool : whole ? DType.Int64 : DType.Float32);
        return c.Graph.Add("literal", [], ("values", values.ToArray()), ("shape", sizes), ("dtype", type));
    }
}
