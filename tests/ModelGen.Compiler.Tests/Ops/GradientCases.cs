using ModelGen.Compiler.Ir;
using static TorchSharp.torch;

namespace ModelGen.Compiler.Tests.Ops;

/// <summary>An operand of a case.</summary>
/// <param name="Shape">Sizes.</param>
/// <param name="Kind">f: normal values, p: positive values, g: above 1.3, h: between -0.8 and 0.8, b: booleans, 0-9...: class indices below this number, c: an int64 count.</param>
internal sealed record Operand(long[] Shape, string Kind = "f")
{
    public TensorType Type => new(Kind switch { "f" or "p" or "u" or "g" or "h" => DType.Float64, "b" => DType.Bool, _ => DType.Int64 }, Shape.Select(static size => (Dim)size).ToEquatableArray());

    public bool IsDifferentiable => Kind is "f" or "p" or "g" or "h";

    public Tensor Sample() => Kind switch
    {
        "f" => randn(Shape, ScalarType.Float64),
        "p" => rand(Shape, ScalarType.Float64) + 0.3,
        "u" => rand(Shape, ScalarType.Float64),
        "g" => rand(Shape, ScalarType.Float64) + 1.3,
        "h" => (rand(Shape, ScalarType.Float64) * 1.6) - 0.8,
        "b" => rand(Shape) > 0.5,
        "c" => zeros(Shape, ScalarType.Int64),
        _ => randint(0, long.Parse(Kind), Shape, ScalarType.Int64),
    };
}

/// <summary>One use of an operator whose gradient is checked. Operands of kind u take part but are not differentiated.</summary>
internal sealed partial record GradientCase(string Op, Operand[] Operands, params (string Name, object Value)[] Attributes)
{
    public override string ToString() => $"{Op}({string.Join(", ", Operands.Select(static operand => operand.Type.ToString()))}) {{{OpAttributes.Of(Attributes)}}}";

    private static Operand F(params long[] shape) => new(shape);

    private static Operand P(params long[] shape) => new(shape, "p");

    private static Operand B(params long[] shape) => new(shape, "b");

    private static Operand U(params long[] shape) => new(shape, "u");

    private static Dim[] Dims(params long[] sizes) => [.. sizes.Select(static size => (Dim)size)];

    public static IReadOnlyList<GradientCase> All { get; } = [.. Elementwise(), .. Reductions(), .. Products(), .. Pools(), .. Norms(), .. Shapes(), .. Losses(), .. Spatial(), .. Mathematics(), .. Sequences()];

    private static IEnumerable<GradientCase> Elementwise()
    {
        foreach (string op in new[] { "neg", "abs", "exp", "sin", "cos", "square", "erf", "expm1", "tanh", "sigmoid", "relu", "silu", "hardsigmoid", "hardswish", "mish" })
        {
            yield return new(op, [F(3, 5)]);
        }

        foreach (string op in new[] { "log", "sqrt", "rsqrt", "reciprocal", "log1p" })
        {
            yield return new(op, [P(3, 5)]);
        }

        yield return new("gelu", [F(3, 5)], ("tanh", false));
        yield return new("gelu", [F(3, 5)], ("tanh", true));
        yield return new("leaky_relu", [F(3, 5)], ("slope", 0.1));
        yield return new("elu", [F(3, 5)], ("alpha", 1.3));
        yield return new("clamp", [F(3, 5)], ("min", -0.5), ("max", 0.7));
        yield return new("clamp", [F(3, 5)], ("min", double.NegativeInfinity), ("max", 0.2));
        yield return new("softplus", [F(3, 5)], ("beta", 1.0), ("threshold", 20.0));
        yield return new("softplus", [F(3, 5)], ("beta", 2.0), ("threshold", 1.0));
        foreach (string op in new[] { "add", "sub", "mul", "div", "maximum", "minimum" })
        {
            yield return new(op, [F(3, 4), op == "div" ? P(3, 4) : F(3, 4)]);
            yield return new(op, [F(2, 3, 4), op == "div" ? P(3, 1) : F(3, 1)]);
            yield return new(op, [F(4), op == "div" ? P(2, 1, 4) : F(2, 1, 4)]);
        }

        yield return new("pow", [P(3, 4), F(4)]);
        yield return new("where", [B(3, 4), F(3, 4), F(4)]);
        yield return new("masked_fill", [F(2, 3, 4), B(3, 4)], ("value", -2.0));
        yield return new("cast", [F(3)], ("dtype", DType.Float64));
        yield return new("divide_by_size", [F(3, 2)], ("size", Dims(7)));
    }

    private static IEnumerable<GradientCase> Reductions()
    {
        foreach (string op in new[] { "sum", "mean", "amax" })
        {
            yield return new(op, [F(2, 3, 4)], ("axes", new long[] { 1 }), ("keep", false));
            yield return new(op, [F(2, 3, 4)], ("axes", new long[] { 0, 2 }), ("keep", true));
            yield return new(op, [F(2, 3)], ("axes", new long[] { 0, 1 }), ("keep", false));
        }

        yield return new("sum_to", [F(2, 3, 4)], ("shape", Dims(3, 1)));
        foreach (string op in new[] { "softmax", "log_softmax" })
        {
            yield return new(op, [F(2, 3, 4)], ("axis", 2L));
            yield return new(op, [F(2, 3, 4)], ("axis", 1L));
        }
    }

    private static IEnumerable<GradientCase> Products()
    {
        yield return new("matmul", [F(3, 4), F(4, 2)]);
        yield return new("matmul", [F(2, 1, 3, 4), F(5, 4, 2)]);
        yield return new("linear", [F(3, 4), F(2, 4), F(2)]);
        yield return new("linear", [F(2, 3, 4), F(5, 4)]);
        yield return new("linear", [F(4), F(2, 4), F(2)]);
        (string, object)[] Settings(int spatial, long stride, long padding, long dilation, long groups) =>
        [
            ("stride", Enumerable.Repeat(stride, spatial).ToArray()), ("padding", Enumerable.Repeat(padding, spatial).ToArray()),
            ("dilation", Enumerable.Repeat(dilation, spatial).ToArray()), ("groups", groups),
        ];
        yield return new("conv", [F(2, 3, 6), F(4, 3, 3), F(4)], Settings(1, 1, 1, 1, 1));
        yield return new("conv", [F(2, 4, 7), F(4, 2, 3)], Settings(1, 2, 0, 2, 2));
        yield return new("conv", [F(2, 3, 5, 6), F(4, 3, 3, 2), F(4)], Settings(2, 1, 1, 1, 1));
        yield return new("conv", [F(2, 4, 6, 6), F(4, 1, 3, 3), F(4)], Settings(2, 2, 1, 1, 4));
        yield return new("conv", [F(1, 2, 7, 7), F(2, 2, 3, 3)], Settings(2, 1, 2, 2, 1));
        yield return new("embedding", [F(5, 3), new([2, 4], "5")]);
    }

    private static IEnumerable<GradientCase> Pools()
    {
        (string, object)[] Window(long kernel, long stride, long padding, bool ceil) =>
            [("kernel", new[] { kernel, kernel }), ("stride", new[] { stride, stride }), ("padding", new[] { padding, padding }), ("ceil", ceil)];
        yield return new("max_pool", [F(2, 2, 6, 6)], [.. Window(2, 2, 0, false), ("dilation", new long[] { 1, 1 })]);
        yield return new("max_pool", [F(1, 2, 7, 5)], [.. Window(3, 2, 1, true), ("dilation", new long[] { 1, 1 })]);
        yield return new("avg_pool", [F(2, 2, 6, 6)], [.. Window(2, 2, 0, false), ("count_padding", true)]);
        yield return new("avg_pool", [F(1, 2, 7, 5)], [.. Window(3, 2, 1, false), ("count_padding", false)]);
        yield return new("adaptive_avg_pool", [F(2, 2, 5, 7)], ("size", new long[] { 2, 3 }));
        yield return new("adaptive_avg_pool", [F(2, 2, 5, 7)], ("size", new long[] { 1, 1 }));
    }

    private static IEnumerable<GradientCase> Norms()
    {
        Operand count = new([], "c");
        yield return new("batch_norm_train", [F(4, 3), F(3), F(3), U(3), U(3), count], ("eps", 1e-5), ("momentum", 0.1));
        yield return new("batch_norm_train", [F(3, 2, 4, 3), F(2), F(2), U(2), U(2), count], ("eps", 1e-3), ("momentum", 0.2));
        yield return new("attention", [F(2, 3, 5, 4), F(2, 3, 6, 4), F(2, 3, 6, 2)], ("scale", 0.4), ("causal", false));
        yield return new("attention", [F(2, 5, 4), F(2, 5, 4), F(2, 5, 3)], ("scale", 0.5), ("causal", true));
        yield return new("attention", [F(2, 3, 5, 4), F(2, 3, 6, 4), F(2, 3, 6, 2), F(2, 1, 1, 6), U(2, 3, 5, 6)], ("scale", 0.4), ("causal", false));
        yield return new("layer_norm", [F(3, 5), F(5), F(5)], ("eps", 1e-5));
        yield return new("layer_norm", [F(2, 3, 4), F(3, 4), F(3, 4)], ("eps", 1e-4));
        yield return new("layer_norm", [F(5), F(5), F(5)], ("eps", 1e-5));
    }

    private static IEnumerable<GradientCase> Shapes()
    {
        yield return new("reshape", [F(2, 6)], ("shape", Dims(3, 4)));
        yield return new("permute", [F(2, 3, 4)], ("order", new long[] { 2, 0, 1 }));
        yield return new("expand", [F(3, 1)], ("shape", Dims(2, 3, 4)));
        yield return new("slice", [F(3, 5)], ("axis", 1L), ("start", Dims(1)), ("length", Dims(3)));
        yield return new("slice_backward", [F(3, 2)], ("axis", 1L), ("start", Dims(1)), ("length", Dims(2)), ("shape", Dims(3, 5)));
        yield return new("cat", [F(2, 3), F(2, 1), F(2, 2)], ("axis", 1L));
    }

    private static IEnumerable<GradientCase> Losses()
    {
        yield return new("cross_entropy", [F(4, 5), new([4], "5")], ("label_smoothing", 0.0));
        yield return new("cross_entropy", [F(4, 5), new([4], "5")], ("label_smoothing", 0.2));
        yield return new("cross_entropy", [F(2, 3, 4), new([2, 4], "3")], ("label_smoothing", 0.1));
        yield return new("mse_loss", [F(3, 4), U(3, 4)]);
        yield return new("bce_with_logits", [F(3, 4), U(3, 4)]);
        yield return new("l1_loss", [F(3, 4), U(3, 4)]);
        yield return new("smooth_l1_loss", [F(3, 4), U(3, 4)], ("beta", 1.0));
        yield return new("smooth_l1_loss", [F(3, 4), U(3, 4)], ("beta", 0.3));
    }
}
