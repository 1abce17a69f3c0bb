namespace ModelGen.Compiler.Ir;

/// <summary>Short forms for the nodes that gradient rules and lowerings write most.</summary>
internal static class GraphMath
{
    public static int Constant(this GraphBuilder g, double value, DType dtype) => g.Add("constant", [], ("value", value), ("dtype", dtype));

    public static int Unary(this GraphBuilder g, string op, int x, params (string Name, object Value)[] attributes) => g.Add(op, [x], attributes);

    public static int Plus(this GraphBuilder g, int a, int b) => g.Add("add", [a, b]);

    public static int Plus(this GraphBuilder g, int a, double b) => g.Add("add", [a, g.Constant(b, g.TypeOf(a).DType)]);

    public static int Minus(this GraphBuilder g, int a, int b) => g.Add("sub", [a, b]);

    public static int Minus(this GraphBuilder g, double a, int b) => g.Add("sub", [g.Constant(a, g.TypeOf(b).DType), b]);

    public static int Times(this GraphBuilder g, int a, int b) => g.Add("mul", [a, b]);

    public static int Times(this GraphBuilder g, int a, double b) => g.Add("mul", [a, g.Constant(b, g.TypeOf(a).DType)]);

    public static int Over(this GraphBuilder g, int a, int b) => g.Add("div", [a, b]);

    /// <summary>1 where the comparison holds and 0 elsewhere, in the type of the first operand.</summary>
    public static int Mask(this GraphBuilder g, string comparison, int a, int b) => g.Cast(g.Add(comparison, [a, b]), g.TypeOf(a).DType);

    public static int Mask(this GraphBuilder g, string comparison, int a, double b) => g.Mask(comparison, a, g.Constant(b, g.TypeOf(a).DType));

    public static int Cast(this GraphBuilder g, int x, DType dtype) => g.TypeOf(x).DType == dtype ? x : g.Add("cast", [x], ("dtype", dtype));

    public static int Reshape(this GraphBuilder g, int x, EquatableArray<Dim> shape) => g.TypeOf(x).Shape.Equals(shape) ? x : g.Add("reshape", [x], ("shape", shape));

    public static int Permute(this GraphBuilder g, int x, params long[] order) => g.Add("permute", [x], ("order", order));

    /// <summary>Swaps the last two dimensions.</summary>
    public static int Transposed(this GraphBuilder g, int x)
    {
        long[] order = [.. Enumerable.Range(0, g.TypeOf(x).Rank).Select(static axis => (long)axis)];
        (order[order.Length - 1], order[order.Length - 2]) = (order[order.Length - 2], order[order.Length - 1]);
        return g.Permute(x, order);
    }

    public static int MatMul(this GraphBuilder g, int a, int b) => g.Add("matmul", [a, b]);

    public static int Sum(this GraphBuilder g, int x, long[] axes, bool keep) => g.Add("sum", [x], ("axes", axes), ("keep", keep));

    public static int Slice(this GraphBuilder g, int x, long axis, Dim start, Dim length) =>
        g.Add("slice", [x], ("axis", axis), ("start", new[] { start }), ("length", new[] { length }));
}
