using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>The expressions over vectors of the elementwise operators. Booleans are masks. NaN behaves as in PyTorch.</summary>
internal static class VectorForms
{
    private static readonly Dictionary<string, Func<PointwiseContext, string>> Forms = new(StringComparer.Ordinal)
    {
        ["neg"] = static c => $"-{c[0]}",
        ["abs"] = static c => $"V.Abs({c[0]})",
        ["sign"] = static c => $"V.Select(V.Less(V.Zero, {c[0]}), V.All(1f), V.Select(V.Less({c[0]}, V.Zero), V.All(-1f), V.Zero))",
        ["exp"] = static c => $"VectorMath.Exp({c[0]})",
        ["log"] = static c => $"V.Log({c[0]})",
        ["sin"] = static c => $"V.Sin({c[0]})",
        ["cos"] = static c => $"V.Cos({c[0]})",
        ["sqrt"] = static c => $"V.Sqrt({c[0]})",
        ["rsqrt"] = static c => $"V.All(1f) / V.Sqrt({c[0]})",
        ["reciprocal"] = static c => $"V.All(1f) / {c[0]}",
        ["square"] = static c => $"{c[0]} * {c[0]}",
        ["erf"] = static c => $"VectorMath.Erf({c[0]})",
        ["log1p"] = static c => $"VectorMath.Log1p({c[0]})",
        ["tanh"] = static c => $"VectorMath.Tanh({c[0]})",
        ["sigmoid"] = static c => $"VectorMath.Sigmoid({c[0]})",
        ["relu"] = static c => $"V.Max(V.Zero, {c[0]})",
        ["gelu"] = Gelu,
        ["silu"] = static c => $"{c[0]} * VectorMath.Sigmoid({c[0]})",
        ["leaky_relu"] = static c => $"V.Select(V.Less(V.Zero, {c[0]}), {c[0]}, {c[0]} * {Number(c, "slope")})",
        ["elu"] = static c => $"V.Select(V.Less(V.Zero, {c[0]}), {c[0]}, {Number(c, "alpha")} * (VectorMath.Exp({c[0]}) - V.All(1f)))",
        ["clamp"] = static c => $"V.Min({Number(c, "max")}, V.Max({Number(c, "min")}, {c[0]}))",
        ["hardsigmoid"] = static c => $"V.Min(V.All(1f), V.Max(V.Zero, V.Fma({c[0]}, {PointwiseContext.All(1.0 / 6)}, V.All(0.5f))))",
        ["hardswish"] = static c => $"{c[0]} * V.Min(V.All(1f), V.Max(V.Zero, V.Fma({c[0]}, {PointwiseContext.All(1.0 / 6)}, V.All(0.5f))))",
        ["softplus"] = static c => $"V.Select(V.Less({Number(c, "threshold")}, {c[0]} * {Number(c, "beta")}), {c[0]}, VectorMath.Softplus({c[0]} * {Number(c, "beta")}) / {Number(c, "beta")})",
        ["mish"] = static c => $"{c[0]} * VectorMath.Tanh(VectorMath.Softplus({c[0]}))",
        ["add"] = static c => $"{c[0]} + {c[1]}",
        ["sub"] = static c => $"{c[0]} - {c[1]}",
        ["mul"] = static c => $"{c[0]} * {c[1]}",
        ["div"] = static c => $"{c[0]} / {c[1]}",
        ["pow"] = static c => $"VectorMath.Pow({c[0]}, {c[1]})",
        ["maximum"] = static c => $"V.Select(V.Equal({c[0]}, {c[0]}), V.Max({c[0]}, {c[1]}), {c[0]})",
        ["minimum"] = static c => $"V.Select(V.Equal({c[0]}, {c[0]}), V.Min({c[0]}, {c[1]}), {c[0]})",
        ["gt"] = static c => $"V.Less({c[1]}, {c[0]})",
        ["ge"] = static c => $"V.LessOrEqual({c[1]}, {c[0]})",
        ["lt"] = static c => $"V.Less({c[0]}, {c[1]})",
        ["le"] = static c => $"V.LessOrEqual({c[0]}, {c[1]})",
        ["eq"] = static c => c.Type(0).DType == DType.Bool ? $"~({c[0]} ^ {c[1]})" : $"V.Equal({c[0]}, {c[1]})",
        ["ne"] = static c => c.Type(0).DType == DType.Bool ? $"{c[0]} ^ {c[1]}" : $"~V.Equal({c[0]}, {c[1]})",
        ["where"] = static c => $"V.Select({c[0]}, {c[1]}, {c[2]})",
        ["masked_fill"] = static c => $"V.Select({c[1]}, {Number(c, "value")}, {c[0]})",
        ["cast"] = static c => (c.Type(0).DType, c.Result.DType) switch
        {
            (DType.Bool, DType.Float32) => $"{c[0]} & V.All(1f)",
            (DType.Float32, DType.Bool) => $"~V.Equal({c[0]}, V.Zero)",
            _ => c[0],
        },
        ["expm1"] = static c => $"VectorMath.Expm1({c[0]})",
        ["floor"] = static c => $"V.Floor({c[0]})",
        ["ceil"] = static c => $"V.Ceiling({c[0]})",
        ["round"] = static c => $"V.Round({c[0]})",
        ["tan"] = static c => $"LaneMath.Tan({c[0]})",
        ["asin"] = static c => $"LaneMath.Asin({c[0]})",
        ["acos"] = static c => $"LaneMath.Acos({c[0]})",
        ["atan"] = static c => $"LaneMath.Atan({c[0]})",
        ["sinh"] = static c => $"LaneMath.Sinh({c[0]})",
        ["cosh"] = static c => $"LaneMath.Cosh({c[0]})",
        ["asinh"] = static c => $"LaneMath.Asinh({c[0]})",
        ["acosh"] = static c => $"LaneMath.Acosh({c[0]})",
        ["atanh"] = static c => $"LaneMath.Atanh({c[0]})",
        ["atan2"] = static c => $"LaneMath.Atan2({c[0]}, {c[1]})",
        ["complex_abs"] = static c => $"LaneMath.Hypotenuse({c[0]}, {c[1]})",
        ["remainder"] = static c => $"LaneMath.Remainder({c[0]}, {c[1]})",
        ["floor_divide"] = static c => $"LaneMath.FloorDivide({c[0]}, {c[1]})",
        ["logical_and"] = static c => $"{c[0]} & {c[1]}",
        ["logical_or"] = static c => $"{c[0]} | {c[1]}",
        ["logical_xor"] = static c => $"{c[0]} ^ {c[1]}",
        ["logical_not"] = static c => $"~{c[0]}",
        ["isnan"] = static c => $"~V.Equal({c[0]}, {c[0]})",
        ["isinf"] = static c => $"V.Equal(V.Abs({c[0]}), V.All(float.PositiveInfinity))",
        ["divide_by_size"] = static c => $"{c[0]} * V.All(1f / ({c.Attributes.Dims("size")[0].ToCSharp()}))",
    };

    /// <summary>The expression of an operator; null where it has none.</summary>
    public static Func<PointwiseContext, string>? Of(string op) => Forms.TryGetValue(op, out Func<PointwiseContext, string> form) ? form : null;

    private static string Number(PointwiseContext c, string attribute) => PointwiseContext.All(c.Attributes.Double(attribute));

    private static string Gelu(PointwiseContext c) => c.Attributes.Bool("tanh")
        ? $"{c[0]} * V.All(0.5f) * (V.All(1f) + VectorMath.Tanh({PointwiseContext.All(Math.Sqrt(2 / Math.PI))} * V.Fma({c[0]} * {c[0]} * {c[0]}, V.All(0.044715f), {c[0]})))"
        : $"{c[0]} * VectorMath.NormalCdf({c[0]}, out _)";
}
