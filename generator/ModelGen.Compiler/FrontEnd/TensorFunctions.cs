using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.FrontEnd;

/// <summary>
/// The TorchSharp functions and methods that <c>Forward</c> may call, and what each writes into the graph. Keys are <c>F.name</c> for
/// <c>torch.nn.functional</c>, <c>torch.name</c> and <c>Tensor.name</c>.
/// </summary>
internal static partial class TensorFunctions
{
    private static readonly Dictionary<string, Func<CallArguments, object?>> Table = Build();

    public static bool TryGet(string key, out Func<CallArguments, object?> function) => Table.TryGetValue(key, out function);

    /// <summary>All names, for tests and for suggestions.</summary>
    public static IEnumerable<string> Names => Table.Keys.OrderBy(static key => key, StringComparer.Ordinal);

    /// <summary>Arithmetic of two values, at least one of them a tensor; numbers take the tensor's type as in PyTorch.</summary>
    public static SymTensor Binary(GraphBuilder g, string op, object? left, object? right)
    {
        (int a, int b) = Operands(g, left, right);
        return new SymTensor(g.Add(op, [a, b]));
    }

    private static Dictionary<string, Func<CallArguments, object?>> Build()
    {
        var table = new Dictionary<string, Func<CallArguments, object?>>(StringComparer.Ordinal);
        AddElementwise(table);
        AddShapes(table);
        AddLayers(table);
        AddSpatial(table);
        AddMath(table);
        AddSequence(table);
        return table;
    }

    /// <summary>Adds a function under each of the given owners: F, T (torch) and t (a tensor method).</summary>
    private static void Add(Dictionary<string, Func<CallArguments, object?>> table, string owners, string name, Func<CallArguments, int> function) =>
        AddAny(table, owners, name, c => new SymTensor(function(c)));

    private static void AddAny(Dictionary<string, Func<CallArguments, object?>> table, string owners, string name, Func<CallArguments, object?> function)
    {
        foreach (char owner in owners)
        {
            table[(owner switch { 'F' => "F.", 'T' => "torch.", _ => "Tensor." }) + name] = function;
        }
    }

    private static void AddElementwise(Dictionary<string, Func<CallArguments, object?>> table)
    {
        foreach (string name in new[] { "neg", "abs", "sign", "exp", "log", "sin", "cos", "sqrt", "rsqrt", "reciprocal", "square", "erf", "log1p", "expm1", "tanh", "sigmoid" })
        {
            Add(table, "Tt", name, c => c.Graph.Unary(name, c.Self));
        }

        foreach (string name in new[] { "relu", "silu", "hardswish", "hardsigmoid", "mish", "tanh", "sigmoid" })
        {
            Add(table, "Ft", name, c => NotInPlace(c).Graph.Unary(name, c.Self));
        }

        Add(table, "Ft", "gelu", static c => NotInPlace(c).Graph.Unary("gelu", c.Self, ("tanh", c["approximate"] is SymEnum { Member: "tanh" })));
        Add(table, "Ft", "leaky_relu", static c => NotInPlace(c).Graph.Unary("leaky_relu", c.Self, ("slope", c.Number("negative_slope", 0.01))));
        Add(table, "Ft", "elu", static c => NotInPlace(c).Graph.Unary("elu", c.Self, ("alpha", c.Number("alpha", 1))));
        Add(table, "Ft", "relu6", static c => NotInPlace(c).Graph.Unary("clamp", c.Self, ("min", 0.0), ("max", 6.0)));
        Add(table, "F", "hardtanh", static c => NotInPlace(c).Graph.Unary("clamp", c.Self, ("min", c.Number("min_val", -1)), ("max", c.Number("max_val", 1))));
        Add(table, "t", "hardtanh", static c => c.Graph.Unary("clamp", c.Self, ("min", c.Number("min")), ("max", c.Number("max"))));
        Add(table, "Tt", "clamp", static c => c.Graph.Unary("clamp", c.Self, ("min", c.Number("min", double.NegativeInfinity)), ("max", c.Number("max", double.PositiveInfinity))));
        Add(table, "Ft", "softplus", static c => c.Graph.Unary("softplus", c.Self, ("beta", c.Number("beta", 1)), ("threshold", c.Number("threshold", 20))));
        foreach (string name in new[] { "add", "sub", "mul", "div", "pow", "maximum", "minimum" })
        {
            AddAny(table, "Tt", name, c => Binary(NoAlpha(c).Graph, name, new SymTensor(c.Self), c.Any("right", "target", "scalar", "other", "exponent")));
        }

        foreach (string name in new[] { "gt", "ge", "lt", "le", "eq", "ne" })
        {
            AddAny(table, "Tt", name, c => Binary(c.Graph, name, new SymTensor(c.Self), c.Any("right", "target", "other")));
        }

        AddAny(table, "T", "where", static c =>
        {
            (int a, int b) = Operands(c.Graph, c["x"], c["y"]);
            return new SymTensor(c.Graph.Add("where", [c.Tensor("condition"), a, b]));
        });
        Add(table, "t", "masked_fill", static c => c.Graph.Add("masked_fill", [c.Self, c.Tensor("mask")], ("value", c.Number("value"))));
        Add(table, "t", "to_type", static c => c.Graph.Cast(c.Self, DTypeOf(c["type"])));
        Add(table, "t", "float", static c => c.Graph.Cast(c.Self, DType.Float32));
        Add(table, "t", "long", static c => c.Graph.Cast(c.Self, DType.Int64));
        Add(table, "t", "bool", static c => c.Graph.Cast(c.Self, DType.Bool));
        foreach (string name in new[] { "contiguous", "clone", "alias" })
        {
            Add(table, "Tt", name, static c => c.Self);
        }
    }

    private static CallArguments NotInPlace(CallArguments c) =>
        c.Flag("inplace") ? throw new UnsupportedException("in-place activations overwrite a value that others may read; leave out 'inplace: true', the compiler reuses memory where it is safe") : c;

    private static CallArguments NoAlpha(CallArguments c) =>
        c["alpha"] is null ? c : throw new UnsupportedException("the 'alpha' argument is not supported; multiply the operand instead");

    private static DType DTypeOf(object? value) => value is SymEnum { Member: string member } && Enum.TryParse(member, out DType dtype)
        ? dtype
        : throw new UnsupportedException("the element type must be Float32, Float64, Int64 or Bool, written as a constant");

    private static (int A, int B) Operands(GraphBuilder g, object? left, object? right)
    {
        if (left is SymTensor a && right is SymTensor b)
        {
            DType common = DTypes.Promote(g.TypeOf(a.Id).DType, g.TypeOf(b.Id).DType);
            return (g.Cast(a.Id, common), g.Cast(b.Id, common));
        }

        if (left is SymTensor tensor)
        {
            (int t, int number) = WithNumber(g, tensor.Id, right);
            return (t, number);
        }

        if (right is SymTensor other)
        {
            (int t, int number) = WithNumber(g, other.Id, left);
            return (number, t);
        }

        throw new UnsupportedException("neither operand is a tensor that the compiler can follow");
    }

    /// <summary>A number beside a tensor: it takes the tensor's type, but a fraction turns an integer tensor into a float one.</summary>
    private static (int Tensor, int Number) WithNumber(GraphBuilder g, int tensor, object? number)
    {
        DType dtype = g.TypeOf(tensor).DType;
        double value = number switch
        {
            double fraction => fraction,
            Dim { Constant: long whole } => whole,
            Dim symbolic => throw new UnsupportedException($"the symbolic size {symbolic} cannot be used as a number in tensor arithmetic; its value is known only when the model runs"),
            _ => throw new UnsupportedException("an operand is neither a tensor nor a number known during the build"),
        };
        if (!dtype.IsFloat() && (number is double || dtype == DType.Bool))
        {
            dtype = number is double ? DType.Float32 : DType.Int64;
            tensor = g.Cast(tensor, dtype);
        }

        return (tensor, g.Constant(value, dtype));
    }
}
