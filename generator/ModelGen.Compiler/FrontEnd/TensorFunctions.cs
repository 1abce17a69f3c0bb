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
        DType type = g.TypeOf(a).DType;
        if (op is "div" or "atan2" && !type.IsFloat())
        {
            // True division of integers gives fractions, as in PyTorch.
            (a, b) = (g.Cast(a, DType.Float32), g.Cast(b, DType.Float32));
        }
        else if (type == DType.Bool && op is "add" or "maximum" or "mul" or "minimum")
        {
            // Sums and products of truth values are truth values.
            op = op is "add" or "maximum" ? "logical_or" : "logical_and";
        }
        else if (type == DType.Bool && op == "sub")
        {
            throw new UnsupportedException("truth values cannot be subtracted; use logical_xor, or convert them first with .to(ScalarType.Float32)");
        }

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
        AddRandom(table);
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
        foreach (string name in new[] { "neg", "abs", "sign", "square" })
        {
            Add(table, "Tt", name, c => c.Graph.Unary(name, c.Self));
        }

        foreach (string name in new[] { "exp", "log", "sin", "cos", "sqrt", "rsqrt", "reciprocal", "erf", "log1p", "expm1", "tanh", "sigmoid" })
        {
            Add(table, "Tt", name, c => c.Graph.Unary(name, Floating(c.Graph, c.Self)));
        }

        foreach (string name in new[] { "relu", "silu", "hardswish", "hardsigmoid", "mish" })
        {
            Add(table, "Ft", name, c => c.Graph.Unary(name, c.Self));
        }

        Add(table, "F", "tanh", static c => c.Graph.Unary("tanh", Floating(c.Graph, c.Self)));
        Add(table, "F", "sigmoid", static c => c.Graph.Unary("sigmoid", Floating(c.Graph, c.Self)));

        Add(table, "Ft", "gelu", static c => c.Graph.Unary("gelu", c.Self, ("tanh", c["approximate"] is SymEnum { Member: "tanh" })));
        Add(table, "Ft", "leaky_relu", static c => c.Graph.Unary("leaky_relu", c.Self, ("slope", c.Number("negative_slope", 0.01))));
        Add(table, "Ft", "elu", static c => c.Graph.Unary("elu", c.Self, ("alpha", c.Number("alpha", 1))));
        Add(table, "Ft", "relu6", static c => c.Graph.Unary("clamp", c.Self, ("min", 0.0), ("max", 6.0)));
        Add(table, "Ft", "softplus", static c => c.Graph.Unary("softplus", c.Self, ("beta", c.Number("beta", 1)), ("threshold", c.Number("threshold", 20))));
        foreach (string name in new[] { "mul", "pow", "maximum", "minimum" })
        {
            AddAny(table, "Tt", name, c => Binary(c.Graph, name, new SymTensor(c.Self), Second(c)));
        }

        foreach (string name in new[] { "gt", "ge", "lt", "le", "eq", "ne" })
        {
            AddAny(table, "Tt", name, c => Binary(c.Graph, name, new SymTensor(c.Self), Second(c)));
        }
    }

    private static DType DTypeOf(object? value) => value is SymEnum { Member: string member } && Enum.TryParse(member, out DType dtype) && Enum.IsDefined(typeof(DType), dtype)
        ? dtype
        : throw new UnsupportedException("the element type must be Float32, Float64, Int32, Int64 or Bool, known during the build");

    /// <summary>The type of a result: a tensor without dimensions gives way to one with, unless it is of a higher kind (fractions above whole numbers).</summary>
    private static DType Common(TensorType a, TensorType b) =>
        a.Rank == 0 && b.Rank > 0 && a.DType.IsFloat() == b.DType.IsFloat() && b.DType != DType.Bool ? b.DType
        : b.Rank == 0 && a.Rank > 0 && a.DType.IsFloat() == b.DType.IsFloat() && a.DType != DType.Bool ? a.DType
        : DTypes.Promote(a.DType, b.DType);

    private static (int A, int B) Operands(GraphBuilder g, object? left, object? right)
    {
        if (left is SymTensor a && right is SymTensor b)
        {
            DType common = Common(g.TypeOf(a.Id), g.TypeOf(b.Id));
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
            bool flag => flag ? 1 : 0,
            Dim => 0,
            _ => throw new UnsupportedException("an operand is neither a tensor nor a number known during the build"),
        };
        if (!dtype.IsFloat() && (number is double || (dtype == DType.Bool && number is not bool)))
        {
            dtype = number is double ? DType.Float32 : DType.Int64;
            tensor = g.Cast(tensor, dtype);
        }

        return (tensor, number is Dim { Constant: null } size ? g.Add("size_value", [], ("size", new[] { size }), ("dtype", dtype)) : g.Constant(value, dtype));
    }
}
