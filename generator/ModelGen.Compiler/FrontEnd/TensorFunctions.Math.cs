using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.FrontEnd;

/// <content>Elementwise mathematics, activations, logic, types.</content>
internal static partial class TensorFunctions
{
    private static void AddMath(Dictionary<string, Func<CallArguments, object?>> table)
    {
        AddUnary(table);
        AddActivations(table);
        AddLogic(table);
        AddTypes(table);
        AddCreation(table);
        AddReductions(table);
        AddIndexing(table);
        AddRearranging(table);
        AddProducts(table);
    }

    private static void AddUnary(Dictionary<string, Func<CallArguments, object?>> table)
    {
        foreach (string name in new[] { "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh" })
        {
            Add(table, "Tt", name, c => c.Graph.Unary(name, Floating(c.Graph, c.Self)));
        }

        foreach (string name in new[] { "floor", "ceil" })
        {
            // Whole numbers are rounded already.
            Add(table, "Tt", name, c => c.Graph.TypeOf(c.Self).DType.IsFloat() ? c.Graph.Unary(name, c.Self) : c.Self);
        }

        Add(table, "Tt", "round", Round);
        foreach ((string alias, string name) in new[] { ("arcsin", "asin"), ("arccos", "acos"), ("arctan", "atan") })
        {
            Add(table, "Tt", alias, c => c.Graph.Unary(name, Floating(c.Graph, c.Self)));
        }

        Add(table, "Tt", "negative", static c => c.Graph.Unary("neg", c.Self));
        Add(table, "Tt", "absolute", static c => c.Graph.Unary("abs", c.Self));

        Add(table, "Tt", "sgn", static c => c.Graph.Unary("sign", c.Self));
        Add(table, "Tt", "trunc", static c => Trunc(c.Graph, c.Self));
        Add(table, "Tt", "fix", static c => Trunc(c.Graph, c.Self));
        Add(table, "Tt", "frac", static c => c.Graph.Minus(c.Self, Trunc(c.Graph, c.Self)));
        Add(table, "Tt", "exp2", static c => c.Graph.Unary("exp", c.Graph.Times(Floating(c.Graph, c.Self), Math.Log(2))));
        Add(table, "Tt", "log2", static c => c.Graph.Times(c.Graph.Unary("log", Floating(c.Graph, c.Self)), 1 / Math.Log(2)));
        Add(table, "Tt", "log10", static c => c.Graph.Times(c.Graph.Unary("log", Floating(c.Graph, c.Self)), 1 / Math.Log(10)));
        Add(table, "Tt", "clip", Clamp);
        Add(table, "Tt", "clamp", Clamp);
        Add(table, "Tt", "clamp_min", Clamp);
        Add(table, "Tt", "clamp_max", Clamp);
        Add(table, "Tt", "nan_to_num", NanToNum);
        foreach ((string name, string op) in new[] { ("remainder", "remainder"), ("floor_divide", "floor_divide"), ("atan2", "atan2"), ("arctan2", "atan2") })
        {
            AddAny(table, "Tt", name, c => Binary(c.Graph, op, new SymTensor(c.Self), Second(c)));
        }

        foreach ((string alias, string name) in new[] { ("subtract", "sub"), ("multiply", "mul"), ("true_divide", "div") })
        {
            AddAny(table, "Tt", alias, c => Binary(c.Graph, name, new SymTensor(c.Self), Second(c)));
        }

        AddAny(table, "T", "pow", static c => c.Any("input", "left") is SymTensor power
            ? Binary(c.Graph, "pow", power, Second(c))
            : Binary(c.Graph, "pow", c.Any("input", "left", "self", "scalar"), c.Any("exponent", "right", "other", "target")));
        foreach (string name in new[] { "add", "sub" })
        {
            AddAny(table, "Tt", name, c => Binary(c.Graph, name, new SymTensor(c.Self), Scaled(c)));
        }

        AddAny(table, "Tt", "div", Quotient);
        AddAny(table, "Tt", "divide", Quotient);
        AddAny(table, "Tt", "lerp", static c =>
        {
            SymTensor difference = Binary(c.Graph, "sub", new SymTensor(c.Tensor("end")), new SymTensor(c.Self));
            return Binary(c.Graph, "add", new SymTensor(c.Self), Binary(c.Graph, "mul", difference, c["weight"]));
        });
        AddAny(table, "Tt", "addcmul", static c => Binary(c.Graph, "add", new SymTensor(c.Self), Weighted(c, Binary(c.Graph, "mul", c["tensor1"], c["tensor2"]))));
        AddAny(table, "Tt", "addcdiv", static c => Binary(c.Graph, "add", new SymTensor(c.Self), Weighted(c, Binary(c.Graph, "div", c["tensor1"], c["tensor2"]))));
    }

    /// <summary>The second operand of a binary function.</summary>
    private static object? Second(CallArguments c) => c.Any("right", "target", "scalar", "other", "exponent", "divisor", "value") ?? throw new OpException("its second operand is not known during the build");

    /// <summary>The second operand times alpha.</summary>
    private static object? Scaled(CallArguments c)
    {
        object? other = Second(c);
        return c["alpha"] is not { } alpha ? other
            : other is SymTensor tensor ? Binary(c.Graph, "mul", tensor, alpha)
            : alpha is Dim times && other is Dim number ? times * number
            : Numeric(alpha) * Numeric(other);
    }

    private static SymTensor Quotient(CallArguments c)
    {
        GraphBuilder g = c.Graph;
        string mode = c["rounding_mode"] is SymEnum { Member: string member } ? member : "None";
        if (mode is not ("floor" or "trunc"))
        {
            return Binary(g, "div", new SymTensor(c.Self), Second(c));
        }

        if (c["this"] is null)
        {
            throw new UnsupportedException("torch.div and torch.divide of TorchSharp ignore their rounding mode; call the method instead: x.div(y, RoundingMode.floor)");
        }

        if (mode == "floor")
        {
            return Binary(g, "floor_divide", new SymTensor(c.Self), Second(c));
        }

        (int a, int b) = Operands(g, new SymTensor(c.Self), Second(c));
        if (g.TypeOf(a).DType.IsFloat())
        {
            return new SymTensor(Trunc(g, g.Over(a, b)));
        }

        // Whole numbers stay exact: the quotient of the sizes, with the sign of the quotient.
        int size = g.Add("floor_divide", [g.Unary("abs", a), g.Unary("abs", b)]);
        return new SymTensor(g.Times(g.Times(g.Unary("sign", a), g.Unary("sign", b)), size));
    }

    private static int Trunc(GraphBuilder g, int x) =>
        g.TypeOf(x).DType.IsFloat() ? g.Times(g.Unary("sign", x), g.Unary("floor", g.Unary("abs", x))) : x;

    private static int Round(CallArguments c)
    {
        OpContext.RequireFloat("round", c.Graph.TypeOf(c.Self));
        return c.Int("decimals", 0) == 0 ? c.Graph.Unary("round", c.Self) : throw new UnsupportedException("round is supported without decimals; scale the tensor before and after");
    }

    private static SymTensor Weighted(CallArguments c, SymTensor product) => c["value"] is null ? product : Binary(c.Graph, "mul", product, c["value"]);

    private static int Floating(GraphBuilder g, int x) => g.TypeOf(x).DType.IsFloat() ? x : g.Cast(x, DType.Float32);

    private static int Clamp(CallArguments c)
    {
        // Fractional limits turn whole numbers into fractions.
        int x = c["min"] is double || c["max"] is double ? Floating(c.Graph, c.Self) : c.Self;
        if (c["min"] is SymTensor least)
        {
            x = Binary(c.Graph, "maximum", new SymTensor(x), least).Id;
        }

        if (c["max"] is SymTensor most)
        {
            x = Binary(c.Graph, "minimum", new SymTensor(x), most).Id;
        }

        return c["min"] is SymTensor || c["max"] is SymTensor
            ? x
            : c.Graph.Unary("clamp", x, ("min", c.Number("min", double.NegativeInfinity)), ("max", c.Number("max", double.PositiveInfinity)));
    }

    private static int NanToNum(CallArguments c)
    {
        GraphBuilder g = c.Graph;
        DType type = g.TypeOf(c.Self).DType;
        if (!type.IsFloat())
        {
            return c.Self;
        }

        double limit = type == DType.Float64 ? double.MaxValue : float.MaxValue;
        int Replaced(int x, int where, double value) => g.Add("where", [where, g.Constant(value, type), x]);
        int clean = Replaced(c.Self, g.Unary("isnan", c.Self), c.Number("nan", 0));
        clean = Replaced(clean, g.Add("eq", [c.Self, g.Constant(double.PositiveInfinity, type)]), c.Number("posinf", limit));
        return Replaced(clean, g.Add("eq", [c.Self, g.Constant(double.NegativeInfinity, type)]), c.Number("neginf", -limit));
    }

    private static void AddActivations(Dictionary<string, Func<CallArguments, object?>> table)
    {
        Add(table, "Ft", "celu", static c => Celu(c.Graph, c.Self, c.Number("alpha", 1)));
        Add(table, "Ft", "selu", static c => Selu(c.Graph, c.Self));
        Add(table, "Ft", "glu", static c => Glu(c.Graph, c.Self, c.Int("dim", -1)));
        Add(table, "Ft", "prelu", static c => Prelu(c.Graph, c.Self, c.Tensor("weight", "target")));
        Add(table, "Ft", "softsign", static c => Softsign(c.Graph, c.Self));
        Add(table, "Ft", "tanhshrink", static c => c.Graph.Minus(c.Self, c.Graph.Unary("tanh", c.Self)));
        Add(table, "Ft", "hardshrink", static c => Hardshrink(c.Graph, c.Self, c.Number("lambda", 0.5)));
        Add(table, "Ft", "softshrink", static c => Softshrink(c.Graph, c.Self, c.Number("lambda", 0.5)));
        Add(table, "F", "threshold", static c => Threshold(c.Graph, c.Self, c.Number("threshold"), c.Number("value")));
        Add(table, "Ft", "logsigmoid", static c => LogSigmoid(c.Graph, c.Self));
        Add(table, "t", "log_sigmoid", static c => LogSigmoid(c.Graph, c.Self));
        Add(table, "F", "softmin", static c => c.Graph.Add("softmax", [c.Graph.Unary("neg", c.Self)], ("axis", Axis(c, "softmin", c.Int("dim", -1)))));
        Add(table, "F", "softmax2d", static c => c.Graph.Add("softmax", [c.Self], ("axis", Axis(c, "softmax2d", -3))));
        Add(table, "Ft", "hardtanh", static _ => throw new UnsupportedException("hardtanh of TorchSharp 0.107 gives its input back unchanged unless it works in place; use clamp(min, max), or pass inplace: true"));
        Add(table, "Ft", "hardtanh_", static c => Hardtanh(c.Graph, c.Self, c));
    }

    public static int Celu(GraphBuilder g, int x, double alpha) => g.Times(g.Unary("elu", g.Times(x, 1 / alpha), ("alpha", 1.0)), alpha);

    /// <summary>The limits have other names in the layer than in the method.</summary>
    public static int Hardtanh(GraphBuilder g, int x, Arguments a)
    {
        double Limit(string layer, string method, double usual) => a[layer] is null ? a.Number(method, usual) : a.Number(layer);
        return g.Unary("clamp", x, ("min", Limit("min_val", "min", -1)), ("max", Limit("max_val", "max", 1)));
    }

    // Constants of Klambauer et al., Self-Normalizing Neural Networks, arXiv:1706.02515.
    public static int Selu(GraphBuilder g, int x) => g.Times(g.Unary("elu", x, ("alpha", 1.6732632423543772)), 1.0507009873554805);

    public static int Glu(GraphBuilder g, int x, long dim)
    {
        TensorType type = g.TypeOf(x);
        long axis = OpContext.Axis("glu", dim, type.Rank);
        Dim half = Dim.DivideExactly(type.Shape[(int)axis], 2) ?? throw new OpException($"glu needs an even size in dimension {Invariant.Text(axis)}, got {type.ShapeText()}");
        return g.Times(g.Slice(x, axis, 0, half), g.Unary("sigmoid", g.Slice(x, axis, half, half)));
    }

    public static int Prelu(GraphBuilder g, int x, int weight)
    {
        TensorType type = g.TypeOf(x);
        Dim count = g.TypeOf(weight).Count;
        int slope = g.Reshape(weight, count.Constant == 1 ? default : type.Shape.Select((_, axis) => axis == 1 ? count : Dim.One).ToEquatableArray());
        int positive = g.Add("gt", [x, g.Constant(0, type.DType)]);
        return g.Add("where", [positive, x, g.Times(x, slope)]);
    }

    public static int Softsign(GraphBuilder g, int x) => g.Over(x, g.Plus(g.Unary("abs", x), 1.0));

    public static int Hardshrink(GraphBuilder g, int x, double lambda)
    {
        DType type = g.TypeOf(x).DType;
        return g.Add("where", [g.Add("gt", [g.Unary("abs", x), g.Constant(lambda, type)]), x, g.Constant(0, type)]);
    }

    public static int Softshrink(GraphBuilder g, int x, double lambda) => g.Minus(x, g.Unary("clamp", x, ("min", -lambda), ("max", lambda)));

    public static int Threshold(GraphBuilder g, int x, double threshold, double value)
    {
        DType type = g.TypeOf(x).DType;
        return g.Add("where", [g.Add("gt", [x, g.Constant(threshold, type)]), x, g.Constant(value, type)]);
    }

    public static int LogSigmoid(GraphBuilder g, int x) => g.Unary("neg", g.Unary("softplus", g.Unary("neg", x), ("beta", 1.0), ("threshold", 20.0)));

    private static void AddLogic(Dictionary<string, Func<CallArguments, object?>> table)
    {
        foreach ((string name, string op, bool bitwise) in new[]
        {
            ("logical_and", "logical_and", false), ("logical_or", "logical_or", false), ("logical_xor", "logical_xor", false),
            ("bitwise_and", "logical_and", true), ("bitwise_or", "logical_or", true), ("bitwise_xor", "logical_xor", true),
        })
        {
            AddAny(table, "Tt", name, c =>
            {
                int other = Second(c) is SymTensor tensor ? tensor.Id : throw new UnsupportedException($"{name} needs two tensors");
                if (bitwise && (c.Graph.TypeOf(c.Self).DType != DType.Bool || c.Graph.TypeOf(other).DType != DType.Bool))
                {
                    throw new UnsupportedException("bitwise operators on integers are not supported; of masks they are");
                }

                return new SymTensor(c.Graph.Add(op, [Truth(c.Graph, c.Self), Truth(c.Graph, other)]));
            });
        }

        Add(table, "Tt", "logical_not", static c => c.Graph.Unary("logical_not", Truth(c.Graph, c.Self)));
        Add(table, "Tt", "bitwise_not", static c => c.Graph.TypeOf(c.Self).DType == DType.Bool ? c.Graph.Unary("logical_not", c.Self) : throw new UnsupportedException("bitwise_not of integers is not supported; of masks it is"));
        Add(table, "Tt", "isnan", static c => Special(c.Graph, "isnan", c.Self));
        Add(table, "Tt", "isinf", static c => Special(c.Graph, "isinf", c.Self));
        Add(table, "Tt", "isfinite", static c => c.Graph.Unary("logical_not", c.Graph.Add("logical_or", [Special(c.Graph, "isnan", c.Self), Special(c.Graph, "isinf", c.Self)])));
        AddAny(table, "Tt", "where", static c => c["this"] is SymTensor self && c["condition"] is SymTensor condition
            ? Where(c.Graph, condition.Id, self, c.Any("y", "other"))
            : Where(c.Graph, c.Tensor("condition"), c["x"], c["y"]));
        AddAny(table, "Tt", "masked_fill", static c => c["value"] is SymTensor value
            ? Where(c.Graph, Truth(c.Graph, c.Tensor("mask")), value, new SymTensor(c.Self))
            : new SymTensor(c.Graph.Add("masked_fill", [c.Self, Truth(c.Graph, c.Tensor("mask"))], ("value", c["value"] is true ? 1.0 : c["value"] is false ? 0.0 : c.Number("value")))));
        foreach ((string name, string op) in new[] { ("equal", "eq"), ("greater", "gt"), ("greater_equal", "ge"), ("less", "lt"), ("less_equal", "le"), ("not_equal", "ne") })
        {
            AddAny(table, "Tt", name, c => Binary(c.Graph, op, new SymTensor(c.Self), Second(c)));
        }
    }

    /// <summary>Whole numbers are neither NaN nor infinite: none differs from itself.</summary>
    private static int Special(GraphBuilder g, string op, int x) => g.TypeOf(x).DType.IsFloat() ? g.Unary(op, x) : g.Add("ne", [x, x]);

    private static SymTensor Where(GraphBuilder g, int condition, object? x, object? y)
    {
        if (x is not SymTensor && y is not SymTensor)
        {
            int a = Number(g, x, DType.Float32);
            return new SymTensor(g.Add("where", [condition, g.Add("expand", [a], ("shape", g.TypeOf(condition).Shape)), Number(g, y, DType.Float32)]));
        }

        (int left, int right) = Operands(g, x, y);
        return new SymTensor(g.Add("where", [condition, left, right]));
    }

    private static int Number(GraphBuilder g, object? value, DType type) => value switch
    {
        double number => g.Constant(number, type),
        Dim { Constant: long whole } => g.Constant(whole, type),
        _ => throw new UnsupportedException("an operand is neither a tensor nor a number known during the build"),
    };

    /// <summary>A tensor as truth values: everything but zero is true.</summary>
    private static int Truth(GraphBuilder g, int x) => g.TypeOf(x).DType == DType.Bool ? x : g.Add("ne", [x, g.Constant(0, g.TypeOf(x).DType)]);

    private static void AddTypes(Dictionary<string, Func<CallArguments, object?>> table)
    {
        foreach ((string name, DType type) in new[] { ("float", DType.Float32), ("double", DType.Float64), ("int", DType.Int32), ("long", DType.Int64), ("bool", DType.Bool) })
        {
            Add(table, "t", name, c => Converted(c.Graph, c.Self, type));
        }

        foreach (string name in new[] { "half", "bfloat16", "short", "byte", "char" })
        {
            Add(table, "t", name, c => throw new UnsupportedException($"{name}() is not supported: compiled models calculate in float32, float64, int32, int64 and bool"));
        }

        foreach (string name in new[] { "to", "to_type", "type", "type_as", "cpu", "cuda", "move_to_device" })
        {
            Add(table, "t", name, To);
        }

        Add(table, "t", "detach", static c => c.Graph.TypeOf(c.Self).DType.IsFloat() ? c.Graph.Unary("stop_gradient", c.Self) : c.Self);
        foreach (string name in new[] { "contiguous", "clone", "alias", "requires_grad_", "MoveToOuterDisposeScope", "DetachFromDisposeScope", "MoveToOtherDisposeScope", "resolve_conj", "to_dense" })
        {
            Add(table, "Tt", name, static c => c.Self);
        }

        AddAny(table, "t", "is_floating_point", static c => c.Graph.TypeOf(c.Self).DType.IsFloat());
        AddAny(table, "T", "is_floating_point", static c => c.Graph.TypeOf(c.Self).DType.IsFloat());
        AddAny(table, "t", "is_integral", static c => !c.Graph.TypeOf(c.Self).DType.IsFloat());
        AddAny(table, "Tt", "is_complex", static _ => false);
        AddAny(table, "t", "is_contiguous", static _ => throw new UnsupportedException("the memory layout of a tensor is not known during the build"));
        AddAny(table, "t", "nelement", static c => c.Graph.TypeOf(c.Self).Count);
        AddAny(table, "t", "element_size", static c => (Dim)c.Graph.TypeOf(c.Self).DType.Bytes());
    }

    /// <summary>Moves and conversions; devices have no meaning in a graph.</summary>
    private static int To(CallArguments c)
    {
        foreach (string name in c.Given)
        {
            switch (c[name])
            {
                case SymEnum { Type: "ScalarType" }:
                    return Converted(c.Graph, c.Self, DTypeOf(c[name]));
                case SymTensor other when name != "this":
                    return Converted(c.Graph, c.Self, c.Graph.TypeOf(other.Id).DType);
            }
        }

        return c.Self;
    }

    private static int Converted(GraphBuilder g, int x, DType type) => type == DType.Bool ? Truth(g, x) : g.Cast(x, type);
}
