using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.FrontEnd;

/// <content>Reductions, scans, sorting.</content>
internal static partial class TensorFunctions
{
    private static readonly string[] AxisNames = ["dim", "dims", "dimensions", "dim0", "axis", "dimension"];

    private static void AddReductions(Dictionary<string, Func<CallArguments, object?>> table)
    {
        AddAny(table, "Tt", "numel", static c => c.Graph.TypeOf(c.Self).Count);
        Add(table, "Tt", "sum", static c => Reduce(c, "sum", Counted(c.Graph, Typed(c))));
        Add(table, "Tt", "mean", static c => Reduce(c, "mean", Typed(c)));
        Add(table, "Tt", "amax", static c => Reduce(c, "amax", c.Self));
        Add(table, "Tt", "amin", static c => c.Graph.Unary("neg", Reduce(c, "amax", c.Graph.Unary("neg", c.Self))));
        Add(table, "Tt", "nansum", static c => Reduce(c, "sum", c.Graph.Add("where", [c.Graph.Unary("isnan", c.Self), c.Graph.Constant(0, c.Graph.TypeOf(c.Self).DType), c.Self])));
        AddAny(table, "Tt", "max", static c => Extreme(c, largest: true));
        AddAny(table, "Tt", "min", static c => Extreme(c, largest: false));
        Add(table, "Tt", "argmax", static c => ArgExtreme(c, c.Self));
        Add(table, "Tt", "argmin", static c => ArgExtreme(c, c.Graph.Unary("neg", c.Self)));
        Add(table, "Tt", "any", static c => c.Graph.Cast(Reduce(c, "amax", c.Graph.Cast(Truth(c.Graph, c.Self), DType.Int64)), DType.Bool));
        Add(table, "Tt", "all", static c => c.Graph.Unary("logical_not", c.Graph.Cast(Reduce(c, "amax", c.Graph.Cast(c.Graph.Unary("logical_not", Truth(c.Graph, c.Self)), DType.Int64)), DType.Bool)));
        Add(table, "Tt", "count_nonzero", static c => Reduce(c, "sum", c.Graph.Cast(Truth(c.Graph, c.Self), DType.Int64)));
        Add(table, "Tt", "var", static c => c.Any(AxisNames) is null && !c.Flag("unbiased", true)
            ? throw new UnsupportedException("var of all elements is always the unbiased one in TorchSharp 0.107, whatever is asked for; name the dimensions, or square std(unbiased: false)")
            : Variance(c));
        Add(table, "Tt", "std", static c => c.Graph.Unary("sqrt", Variance(c)));
        AddAny(table, "Tt", "var_mean", static c => c.Any(AxisNames) is null
            ? throw new UnsupportedException("var_mean of all elements gives the standard deviation in TorchSharp 0.107; call var and mean")
            : new SymList([new SymTensor(Variance(c)), new SymTensor(Reduce(c, "mean", Typed(c)))]));
        AddAny(table, "Tt", "std_mean", static c => new SymList([new SymTensor(c.Graph.Unary("sqrt", Variance(c))), new SymTensor(Reduce(c, "mean", Typed(c)))]));
        Add(table, "Tt", "prod", static c => AlongOne(c, "prod", Counted(c.Graph, Typed(c))));
        Add(table, "Tt", "logsumexp", static c => AlongOne(c, "logsumexp", c.Self));

        foreach (string name in new[] { "cumsum", "cumprod" })
        {
            Add(table, "Tt", name, c => c.Graph.Add(name, [Counted(c.Graph, Typed(c))], ("axis", Axis(c, name, c.Int("dim", 0)))));
        }

        Add(table, "Tt", "norm", Norm);
        foreach (string name in new[] { "norm", "vector_norm" })
        {
            table["torch.linalg." + name] = static c => new SymTensor(Norm(c));
        }

        AddAny(table, "Tt", "topk", static c => TopK(c, c.Dims("k")[0], c.Int("dim", -1), c.Flag("largest", true)));
        AddAny(table, "Tt", "sort", static c => TopK(c, c.Graph.TypeOf(c.Self).Shape[(int)Axis(c, "sort", c.Int("dim", -1))], c.Int("dim", -1), c.Flag("descending")));
        AddAny(table, "Tt", "argsort", static c => TopK(c, c.Graph.TypeOf(c.Self).Shape[(int)Axis(c, "argsort", c.Int("dim", -1))], c.Int("dim", -1), c.Flag("descending")).Items[1]);
        Add(table, "FTt", "softmax", static c => Softmax(c, "softmax"));
        Add(table, "FTt", "log_softmax", static c => Softmax(c, "log_softmax"));
    }

    /// <summary>The operand in the type that the call asks for.</summary>
    private static int Typed(CallArguments c) => c.Any("type", "dtype") is SymEnum type
        ? type.Member == "Byte"
            ? throw new UnsupportedException("the result would have the element type Byte, which is not supported; C# takes a plain 0 in this place for the element type: name the dimension (dim: 0)")
            : Converted(c.Graph, c.Self, DTypeOf(type))
        : c.Self;

    /// <summary>Truth values and whole numbers are summed as int64.</summary>
    private static int Counted(GraphBuilder g, int x) => g.TypeOf(x).DType.IsFloat() ? x : g.Cast(x, DType.Int64);

    private static long[] AxesOf(CallArguments c, string op)
    {
        TensorType type = c.Graph.TypeOf(c.Self);
        object? axes = c.Any(AxisNames);
        List<object?> given = axes is SymList list ? list.Items : axes is null ? [] : [axes];
        given = [.. given, .. new[] { c["dim1"], c["dim2"] }.Where(static axis => axis is not null)];
        return given.Count == 0 ? [.. Enumerable.Range(0, type.Rank).Select(static axis => (long)axis)] : c.Axes(type, op, new SymList(given));
    }

    private static int Reduce(CallArguments c, string op, int x)
    {
        long[] axes = AxesOf(c, op);
        return axes.Length == 0 ? x : c.Graph.Add(op, [x], ("axes", axes), ("keep", c.Flag("keepdim")));
    }

    /// <summary>max and min: of two tensors, of all elements, or along a dimension with the positions.</summary>
    private static object? Extreme(CallArguments c, bool largest)
    {
        if (c.Any("other", "target", "right") is { } other)
        {
            return Binary(c.Graph, largest ? "maximum" : "minimum", new SymTensor(c.Self), other);
        }

        GraphBuilder g = c.Graph;
        if (c["dim"] is null)
        {
            int all = largest ? Reduce(c, "amax", c.Self) : g.Unary("neg", Reduce(c, "amax", g.Unary("neg", c.Self)));
            return new SymTensor(all);
        }

        long axis = Axis(c, "max", c.Int("dim", 0));
        int indices = g.Add("argmax", [largest ? c.Self : g.Unary("neg", c.Self)], ("axis", axis), ("keep", true));
        int values = g.Add("gather", [c.Self, indices], ("axis", axis));
        if (!c.Flag("keepdim"))
        {
            EquatableArray<Dim> shape = g.TypeOf(c.Self).Shape.Where((_, position) => position != axis).ToEquatableArray();
            (values, indices) = (g.Reshape(values, shape), g.Reshape(indices, shape));
        }

        return new SymList([new SymTensor(values), new SymTensor(indices)]);
    }

    private static int ArgExtreme(CallArguments c, int x)
    {
        if (c["dim"] is null)
        {
            int flat = c.Graph.Reshape(x, new[] { c.Graph.TypeOf(x).Count });
            return c.Graph.Add("argmax", [flat], ("axis", 0L), ("keep", false));
        }

        return c.Graph.Add("argmax", [x], ("axis", Axis(c, "argmax", c.Int("dim", 0))), ("keep", c.Flag("keepdim")));
    }

    private static int Variance(CallArguments c)
    {
        TensorType type = c.Graph.TypeOf(c.Self);
        long[] axes = AxesOf(c, "var");
        int x = Typed(c);
        int mean = c.Graph.Add("mean", [x], ("axes", axes), ("keep", true));
        int square = c.Graph.Unary("square", c.Graph.Minus(x, mean));
        int variance = c.Graph.Add("mean", [square], ("axes", axes), ("keep", c.Flag("keepdim")));
        if (!c.Flag("unbiased", true))
        {
            return variance;
        }

        Dim count = axes.Aggregate(Dim.One, (product, axis) => product * type.Shape[(int)axis]);
        return count.Constant is long known
            ? c.Graph.Times(variance, (double)known / (known - 1))
            : throw new UnsupportedException($"the unbiased variance over the symbolic size {count} is not supported; pass unbiased: false, or give that size as a number in [Shape]");
    }

    private static int AlongOne(CallArguments c, string op, int x)
    {
        if (c["dim"] is null)
        {
            int flat = c.Graph.Reshape(x, new[] { c.Graph.TypeOf(x).Count });
            return c.Graph.Add(op, [flat], ("axis", 0L), ("keep", false));
        }

        return c.Graph.Add(op, [x], ("axis", Axis(c, op, c.Int("dim", 0))), ("keep", c.Flag("keepdim")));
    }

    private static int Norm(CallArguments c)
    {
        GraphBuilder g = c.Graph;
        double p = c.Any("p", "ord") switch { null => 2, string text => text == "fro" ? 2 : throw new UnsupportedException($"the norm '{text}' is not supported"), _ => c.Any("p") is null ? c.Number("ord") : c.Number("p") };
        long[] axes = AxesOf(c, "norm");
        bool keep = c.Flag("keepdim");
        if (p == 2 && axes.Length == 1)
        {
            return g.Add("l2_norm", [c.Self], ("axis", axes[0]), ("keep", keep));
        }

        int sizes = g.Unary("abs", c.Self);
        if (p == 0)
        {
            return g.Sum(g.Mask("ne", sizes, 0.0), axes, keep);
        }

        if (double.IsInfinity(p))
        {
            return p > 0 ? g.Add("amax", [sizes], ("axes", axes), ("keep", keep)) : g.Unary("neg", g.Add("amax", [g.Unary("neg", sizes)], ("axes", axes), ("keep", keep)));
        }

        int powers = p == 2 ? g.Unary("square", c.Self) : p == 1 ? sizes : g.Add("pow", [sizes, g.Constant(p, g.TypeOf(c.Self).DType)]);
        int sum = g.Sum(powers, axes, keep);
        return p == 1 ? sum : p == 2 ? g.Unary("sqrt", sum) : g.Add("pow", [sum, g.Constant(1 / p, g.TypeOf(sum).DType)]);
    }

    private static SymList TopK(CallArguments c, Dim k, long dim, bool largest)
    {
        EquatableArray<int> results = c.Graph.AddNode("topk", new[] { c.Self }, OpAttributes.Of(("k", new[] { k }), ("axis", Axis(c, "topk", dim)), ("largest", largest)));
        return new SymList([new SymTensor(results[0]), new SymTensor(results[1])]);
    }

    private static int Softmax(CallArguments c, string op) => c.Graph.Add(op, [Typed(c)], ("axis", Axis(c, op, c.Int("dim", -1))));
}
