using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Ops;

/// <summary>Gradient rules of operators in <see cref="MathOps"/>.</summary>
internal static class MathGradients
{
    /// <summary>Of functions of one number, from the derivative that mathematics gives.</summary>
    public static int OfFunction(GradientContext g, string name)
    {
        GraphBuilder b = g.Graph;
        int x = g.Input(0);
        int Square() => b.Unary("square", x);
        return name switch
        {
            "tan" => b.Times(g.Grad, b.Plus(b.Unary("square", g.Output()), 1.0)),
            "asin" => b.Times(g.Grad, b.Unary("rsqrt", b.Minus(1.0, Square()))),
            "acos" => b.Unary("neg", b.Times(g.Grad, b.Unary("rsqrt", b.Minus(1.0, Square())))),
            "atan" => b.Over(g.Grad, b.Plus(Square(), 1.0)),
            "sinh" => b.Times(g.Grad, b.Unary("cosh", x)),
            "cosh" => b.Times(g.Grad, b.Unary("sinh", x)),
            "asinh" => b.Times(g.Grad, b.Unary("rsqrt", b.Plus(Square(), 1.0))),
            "acosh" => b.Times(g.Grad, b.Unary("rsqrt", b.Plus(Square(), -1.0))),
            "atanh" => b.Over(g.Grad, b.Minus(1.0, Square())),
            _ => throw new NotSupportedException(name),
        };
    }

    public static void Remainder(GradientContext g)
    {
        g.Set(0, () => g.Grad);
        g.Set(1, () => g.Graph.Unary("neg", g.Graph.Times(g.Grad, g.Graph.Add("floor_divide", [g.Input(0), g.Input(1)]))));
    }

    public static void Atan2(GradientContext g)
    {
        GraphBuilder b = g.Graph;
        int Over(int part) => b.Times(g.Grad, b.Over(part, b.Plus(b.Unary("square", g.Input(0)), b.Unary("square", g.Input(1)))));
        g.Set(0, () => Over(g.Input(1)));
        g.Set(1, () => Over(b.Unary("neg", g.Input(0))));
    }

    /// <summary>0 where the number is 0.</summary>
    public static void ComplexAbs(GradientContext g)
    {
        GraphBuilder b = g.Graph;
        int Part(int operand) => b.Times(g.Input(operand), Quotient(g, g.Grad, g.Output()));
        g.Set(0, () => Part(0));
        g.Set(1, () => Part(1));
    }

    public static void LogSumExp(GradientContext g) => g.Set(0, () =>
    {
        GraphBuilder b = g.Graph;
        return b.Times(WithAxis(g, g.Grad), b.Unary("exp", b.Minus(g.Input(0), WithAxis(g, g.Output()))));
    });

    /// <summary>0 where the norm is 0.</summary>
    public static void Norm(GradientContext g) => g.Set(0, () => g.Graph.Times(g.Input(0), WithAxis(g, Quotient(g, g.Grad, g.Output()))));

    /// <summary>The sum of all gradients from each place on.</summary>
    public static void CumulativeSum(GradientContext g) => g.Set(0, () =>
    {
        long[] axes = [g.Attributes.Int("axis")];
        int Flipped(int x) => g.Graph.Add("flip", [x], ("axes", axes));
        return Flipped(g.Graph.AddNode("cumsum", new[] { Flipped(g.Grad) }, g.Attributes)[0]);
    });

    public static void TopK(GradientContext g) => g.Set(0, () => g.Graph.Add("scatter", [Zeros(g, 0), g.Output(1), g.Grad], ("axis", g.Attributes.Int("axis"))));

    public static void Gather(GradientContext g) => g.Set(0, () => g.Graph.Add("scatter_add", [Zeros(g, 0), g.Input(1), g.Grad], ("axis", g.Attributes.Int("axis"))));

    /// <summary>What was overwritten has no gradient.</summary>
    public static void Scatter(GradientContext g, bool add)
    {
        (string, object) axis = ("axis", g.Attributes.Int("axis"));
        g.Set(0, () => add ? g.Grad : g.Graph.Add("scatter", [g.Grad, g.Input(1), Zeros(g, 2)], axis));
        g.Set(2, () => g.Graph.Add("gather", [g.Grad, g.Input(1)], axis));
    }

    private static int Quotient(GradientContext g, int a, int b)
    {
        GraphBuilder graph = g.Graph;
        int zero = graph.Constant(0, g.TypeOf(a).DType);
        return graph.Add("where", [graph.Add("eq", [b, zero]), zero, graph.Over(a, b)]);
    }

    private static int Zeros(GradientContext g, int operand) => g.Graph.Add("full", [], ("shape", g.TypeOf(g.Input(operand)).Shape), ("value", 0.0), ("dtype", g.TypeOf(g.Input(operand)).DType));

    /// <summary>A result of a reduction over one axis with that axis back, as size 1.</summary>
    private static int WithAxis(GradientContext g, int reduced) =>
        g.Graph.Reshape(reduced, g.TypeOf(g.Input(0)).Shape.Select((dim, axis) => axis == g.Attributes.Int("axis") ? Dim.One : dim).ToEquatableArray());
}
