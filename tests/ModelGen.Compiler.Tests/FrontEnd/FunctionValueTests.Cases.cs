using ModelGen.Compiler.FrontEnd;
using static TorchSharp.torch;

namespace ModelGen.Compiler.Tests.FrontEnd;

/// <content>The cases.</content>
public sealed partial class FunctionValueTests
{
    /// <summary>Functions whose cases are in <see cref="Ops.SpatialValueTests"/>, or that only refuse.</summary>
    private static readonly string[] Elsewhere =
    [
        .. TensorFunctions.Names.Where(static key => Spatial.Any(key.StartsWith)),
        "F.hardtanh", "Tensor.hardtanh", "Tensor.hardtanh_", "Tensor.baddbmm", "torch.baddbmm", "Tensor.half", "Tensor.bfloat16", "Tensor.byte", "Tensor.char", "Tensor.short", "Tensor.is_contiguous",

        // They give their first argument back.
        "Tensor.DetachFromDisposeScope", "Tensor.MoveToOtherDisposeScope", "Tensor.MoveToOuterDisposeScope", "Tensor.cuda", "Tensor.requires_grad_", "Tensor.to_dense", "torch.resolve_conj",
        "Tensor.IntShape",

        // They draw from torch's generator: compared end to end, with its seed.
        .. new[] { "rand", "randn", "randint" }.SelectMany(static name => new[] { "torch." + name, $"torch.{name}_like", $"Tensor.{name}_like" }),
        "torch.normal", "torch.randperm", "torch.bernoulli", "Tensor.bernoulli",
    ];

    private static string[] Spatial =>
    [
        "F.adaptive_", "F.affine_grid", "F.alpha_dropout", "F.avg_pool", "F.batch_norm", "F.conv", "F.dropout", "F.feature_alpha_dropout", "F.fold", "F.fractional_", "F.grid_sample", "F.group_norm",
        "F.instance_norm", "F.interpolate", "F.layer_norm", "F.local_response_norm", "F.lp_pool", "F.max_", "F.normalize", "F.pad", "F.pixel_", "F.unfold", "F.upsample", "Tensor.channel_shuffle",
    ];

    /// <summary>Functions without an ONNX form.</summary>
    private static readonly string[] NotExportable =
    [
        "torch.atan2", "Tensor.atan2", "torch.arctan2", "Tensor.arctan2", "torch.cumprod", "Tensor.cumprod",
    ];

    /// <summary>What has no kernel for some of its cases.</summary>
    private const string CallLibtorch = "argmax argmin argsort cumprod eye index_select pow prod sort topk tril triu";

    /// <summary>As for gradients.</summary>
    private const string GradientsCallLibtorch = "cumprod scaled_dot_product_attention sort topk";

    private static IEnumerable<Case> Elementwise() =>
    [
        .. new[] { "neg", "abs", "sign", "exp", "sin", "cos", "square", "erf", "expm1", "tanh", "sigmoid", "atan", "sinh", "asinh", "floor", "ceil", "round", "arctan", "negative", "absolute", "sgn", "trunc", "fix", "frac", "exp2" }
            .SelectMany(static name => Of("Tt", name, X(3, 4))),
        .. new[] { "log", "sqrt", "rsqrt", "reciprocal", "log1p", "log2", "log10" }.SelectMany(static name => Of("Tt", name, P(3, 4))),
        .. new[] { "tan", "asin", "acos", "atanh", "arcsin", "arccos", "cosh" }.SelectMany(static name => Of("Tt", name, U(3, 4))),
        .. Of("Tt", "acosh", Input(ScalarType.Float32, [3, 4], static () => rand(3, 4) + 1.2)),
        .. new[] { "neg", "abs", "sign", "sgn", "square", "floor", "ceil", "trunc", "fix", "exp", "sin", "tanh", "sigmoid", "sqrt", "erf", "negative", "absolute", "reciprocal", "log1p", "expm1", "tan", "exp2", "log2", "log10" }
            .SelectMany(static name => Of("Tt", name, Input(ScalarType.Int64, [3, 4], static () => randint(1, 5, [3, 4])))),
        .. new[] { "neg", "abs", "sign", "exp" }.SelectMany(static name => Of("t", name, Z32(3, 4))),
        .. new[] { "exp", "log1p", "tanh", "floor", "exp2" }.SelectMany(static name => Of("t", name, Input(ScalarType.Float64, [3], static () => rand(3, ScalarType.Float64)))),
        .. Of("t", "round", V(-2.5f, -1.5f, -0.5f, 0.5f, 1.5f, 2.5f)),
        .. Of("t", "sign", V(float.NegativeInfinity, -1, 0, 2)),
        .. Of("Tt", "sqrt", V(-1, 0, 4)),
        .. Of("Tt", "log", V(-1, 0, 4)),
        .. new[] { "relu", "silu", "hardswish", "hardsigmoid", "mish", "tanh", "sigmoid", "relu6", "gelu", "leaky_relu", "elu", "celu", "selu", "softsign", "tanhshrink", "hardshrink", "softshrink", "logsigmoid", "log_sigmoid", "softplus" }
            .SelectMany(static name => Activation(name)),
        .. Of("Ft", "gelu", X(3, 4), TorchSharp.Modules.GELU.Approximate.tanh),
        .. Of("Ft", "gelu", X(3, 4), TorchSharp.Modules.GELU.Approximate.none),
        .. Of("Ft", "leaky_relu", X(3, 4), 0.3),
        .. Of("Ft", "elu", X(3, 4), 0.7),
        .. Of("Ft", "celu", X(3, 4), 0.7),
        .. Of("Ft", "softplus", X(3, 4), 2.0, 1.0),
        .. Of("Ft", "hardshrink", X(3, 4), 0.8),
        .. Of("Ft", "softshrink", X(3, 4), 0.8),
        .. Of("F", "threshold", X(3, 4), 0.2, -1.0),
        .. Of("Ft", "glu", X(3, 4)),
        .. Of("Ft", "glu", X(4, 3, 2), 0),
        .. Of("Ft", "glu", X(3, 4, 2), -2),
        .. Of("Ft", "prelu", X(2, 3, 4), X(3)),
        .. Of("Ft", "prelu", X(2, 3), X(1)),
        .. Of("F", "softmin", X(2, 3), 1),
        .. Of("F", "softmin", X(2, 3), -2),
        .. Of("F", "softmax2d", X(2, 3, 4, 2)),
        .. Of("FTt", "softmax", X(2, 3), 1),
        .. Of("FTt", "softmax", X(2, 3, 2), -2),
        .. Of("Ft", "softmax", Z(2, 3), 1, ScalarType.Float32),
        .. Of("FTt", "log_softmax", X(2, 3), 1),
        .. Of("FTt", "log_softmax", X(2, 3, 2), -3),
        .. new[] { "add", "sub", "mul", "div", "maximum", "minimum", "atan2", "arctan2", "subtract", "multiply", "divide", "true_divide", "floor_divide", "remainder" }.SelectMany(static name => Arithmetic(name)),
        .. Of("Tt", "pow", P(3, 4), X(4)),
        .. Of("Tt", "pow", X(3, 4), 3),
        .. Of("Tt", "pow", X(3, 4), 2),
        .. Of("Tt", "pow", P(3, 4), 0.5),
        .. Of("Tt", "pow", P(3, 4), -1.5),
        .. Of("Tt", "pow", Z(3, 4), 2),
        .. Of("Tt", "pow", Z(3, 4), N(3, 3, 4)),
        .. Of("Tt", "add", X(3, 4), X(4), 0.5),
        .. Of("Tt", "add", X(3, 4), 2, 3),
        .. Of("Tt", "add", Z(3, 4), Z(4), 2),
        .. Of("t", "div", X(3, 4), P(4), RoundingMode.floor),
        .. Of("t", "div", X(3, 4), P(4), RoundingMode.trunc),
        .. Of("t", "div", Z(3, 4), 2, RoundingMode.floor),
        .. Of("t", "div", Z(3, 4), 3, RoundingMode.trunc),
        .. Of("t", "div", Z(3, 4), -3, RoundingMode.trunc),
        .. Of("t", "divide", X(3, 4), P(4), RoundingMode.floor),
        .. Of("t", "divide", X(3, 4), 0.7, RoundingMode.trunc),
        .. Of("Tt", "lerp", X(3, 4), X(3, 4), U(3, 4)),
        .. Of("Tt", "addcmul", X(3, 4), X(3, 4), X(4), 0.5),
        .. Of("Tt", "addcdiv", X(3, 4), X(3, 4), P(4), 0.5),
        .. Of("t", "addcdiv", X(3, 4), X(3, 4), P(4)),
        .. Of("Tt", "clamp", X(3, 4), -0.5, 0.7),
        .. Of("Tt", "clamp", X(3, 4), -1, 1),
        .. Of("Tt", "clamp", X(3, 4), new Named("max", 0.2)),
        .. Of("Tt", "clamp", X(3, 4), new Named("min", 0.2)),
        .. Of("Tt", "clamp", Z(3, 4), -1, 2),
        .. Of("Tt", "clamp", X(3, 4), U(4), P(4)),
        .. Of("Tt", "clip", X(3, 4), -0.5, 0.7),
        .. Of("Tt", "clip", Z(3, 4), -1, 2),
        .. Of("Tt", "clamp_min", X(3, 4), 0.1),
        .. Of("Tt", "clamp_max", X(3, 4), 0.1),
        .. Of("Tt", "clamp_max", Z(3, 4), 1),
        .. Of("Tt", "nan_to_num", V(1, float.NaN, float.PositiveInfinity, float.NegativeInfinity)),
        .. Of("Tt", "nan_to_num", V(1, float.NaN, float.PositiveInfinity, float.NegativeInfinity, -500, 700), 0.5, 100.0, -50.0),
    ];

    private static IEnumerable<Case> Activation(string name) => LibraryCall.Bind("F." + name, [X(3, 4)]) is null && LibraryCall.Bind("Tensor." + name, [X(3, 4)]) is null
        ? Of("Ft", name, X(3, 4), 1.2)
        : [.. Of("Ft", name, X(3, 4)), .. Of("Ft", name, D(3, 4))];

    private static IEnumerable<Case> Arithmetic(string name)
    {
        bool ratio = name.Contains("div") || name == "remainder";
        IEnumerable<Case> cases = Of("Tt", name, X(2, 3, 4), ratio ? P(3, 1) : X(3, 1));
        cases = cases.Concat(Of("Tt", name, X(4), D(4)));
        cases = cases.Concat(Of("Tt", name, X(4), Z(4) with { Make = static () => randint(1, 5, [4]) }));
        cases = cases.Concat(Of("Tt", name, Z(4), Z(4) with { Make = static () => randint(1, 5, [4]) }));
        cases = cases.Concat(Of("Tt", name, Z(4), Z32(4) with { Make = static () => randint(1, 5, [4], ScalarType.Int32) }));
        if (name is not ("atan2" or "arctan2"))
        {
            cases = cases.Concat(Of("Tt", name, X(4), Z() with { Make = static () => tensor(3L) }));
        }

        if (LibraryCall.Bind("Tensor." + name, [X(4), 2]) is not null || LibraryCall.Bind("torch." + name, [X(4), 2]) is not null)
        {
            cases = cases.Concat(Of("Tt", name, X(3, 4), 0.7)).Concat(Of("Tt", name, Z(3, 4), 2)).Concat(Of("Tt", name, Z(3, 4), 1.5)).Concat(Of("Tt", name, D(3, 4), 3)).Concat(Of("Tt", name, Z32(3, 4), 3));
        }

        if (name is "add" or "mul" or "maximum" or "multiply")
        {
            cases = cases.Concat(Of("Tt", name, B(4), B(4))).Concat(Of("Tt", name, B(4), X(4)));
        }

        return cases;
    }

    /// <summary>Operators between tensors of all types, and with numbers on either side.</summary>
    private static IEnumerable<Case> Arithmetic()
    {
        foreach (string name in Operators.Keys.Select(static key => key["Tensor.".Length..]))
        {
            Operand[] tensors = [P(3), D(3), N(5, 3) with { Make = static () => randint(1, 5, [3]) }, Z32(3) with { Make = static () => randint(1, 5, [3], ScalarType.Int32) }, B(3)];
            if (name == "op_Subtraction")
            {
                // Truth values cannot be subtracted.
                tensors = tensors[..^1];
            }

            foreach (Operand tensor in tensors)
            {
                foreach (object number in new object[] { 2, 2.5 })
                {
                    foreach (Case test in Of("t", name, tensor, number).Concat(Of("t", name, number, tensor)))
                    {
                        yield return test;
                    }
                }

                foreach (Operand other in tensors.Where(other => other != tensor))
                {
                    yield return Of("t", name, tensor, other).Single();
                }
            }
        }
    }

    private static IEnumerable<Case> Logic() =>
    [
        .. new[] { "gt", "ge", "lt", "le", "eq", "ne" }.SelectMany(static name => new[] { Of("Tt", name, X(3, 4), X(4)), Of("Tt", name, X(3, 4), 0.3), Of("Tt", name, Z(3, 4), 1), Of("Tt", name, Z(3, 4), Z(4)), Of("Tt", name, Z(3, 4), 0.5), Of("Tt", name, X(4), Z(4)) }.SelectMany(static cases => cases)),
        .. new[] { "equal", "greater", "greater_equal", "less", "less_equal", "not_equal" }.SelectMany(static name => LibraryCall.Methods("Tensor." + name).Concat(LibraryCall.Methods("torch." + name)).Any() ? Of("Tt", name, Z(3, 4), Z(4)) : []),
        .. new[] { "logical_and", "logical_or", "logical_xor" }.SelectMany(static name => new[] { Of("Tt", name, B(3, 4), B(4)), Of("Tt", name, Z(3, 4), X(4)) }.SelectMany(static cases => cases)),
        .. new[] { "bitwise_and", "bitwise_or", "bitwise_xor" }.SelectMany(static name => Of("Tt", name, B(3, 4), B(4))),
        .. Of("Tt", "logical_not", B(3, 4)),
        .. Of("Tt", "logical_not", Z(3, 4)),
        .. Of("Tt", "bitwise_not", B(3, 4)),
        .. new[] { "isnan", "isinf", "isfinite" }.SelectMany(static name => Of("Tt", name, V(1, float.NaN, float.PositiveInfinity, float.NegativeInfinity))),
        .. new[] { "isnan", "isinf", "isfinite" }.SelectMany(static name => Of("Tt", name, Z(3))),
        .. Of("T", "where", B(3, 4), X(3, 4), X(4)),
        .. Of("T", "where", B(3, 4), Z(3, 4), Z(4)),
        .. Of("T", "where", B(3, 4), X(3, 4), Z(4)),
        .. Of("t", "where", X(3, 4), B(3, 4), X(4)),
        .. Of("Tt", "masked_fill", X(3, 4), B(3, 4), 2.5),
        .. Of("Tt", "masked_fill", X(3, 4), B(4), double.NegativeInfinity),
        .. Of("Tt", "masked_fill", Z(3, 4), B(4), 7),
    ];

    private static IEnumerable<Case> Types() =>
    [
        .. new[] { "float", "double", "int", "long", "bool" }.SelectMany(static name => new[] { Of("t", name, X(3, 4)), Of("t", name, Z(3, 4)), Of("t", name, B(4)), Of("t", name, D(4)) }.SelectMany(static cases => cases)),
        .. Of("t", "to", X(3, 4), ScalarType.Int64),
        .. Of("t", "to", B(3, 4), ScalarType.Float32),
        .. Of("t", "to", Z(3, 4), ScalarType.Bool),
        .. Of("t", "to", Z(3, 4), X(2)),
        .. Of("t", "to_type", Z(3, 4), ScalarType.Float64),
        .. Of("t", "type", Z(3, 4), ScalarType.Float32),
        .. Of("t", "type_as", X(3, 4), Z(2)),
        .. Of("t", "cpu", X(3, 4)),
        .. new[] { "detach", "contiguous", "clone", "alias" }.SelectMany(static name => LibraryCall.Methods("Tensor." + name).Any() ? Of("Tt", name, X(3, 4)) : []),
        .. Of("t", "resolve_conj", X(3)),
        .. Of("Tt", "is_floating_point", X(3)),
        .. Of("Tt", "is_floating_point", Z(3)),
        .. Of("t", "is_integral", Z(3)),
        .. Of("Tt", "is_complex", Z(3)),
        .. Of("Tt", "numel", X(3, 4)),
        .. Of("t", "dim", X(3, 4)),
        .. Of("t", "size", X(3, 4)),
        .. Of("t", "size", X(3, 4), -1),
        .. Of("t", "element_size", X(3)),
    ];

    private static IEnumerable<Case> Creation() =>
    [
        .. new[] { "zeros", "ones" }.SelectMany(static name => new[]
        {
            Of("T", name, new long[] { 2, 3 }), Of("T", name, 4), Of("T", name, 2, 3, 4), Of("T", name, 2, 3, ScalarType.Int64), Of("T", name, new long[] { 2 }, ScalarType.Bool), Of("Tt", name + "_like", X(2, 3)), Of("Tt", name + "_like", Z(2, 3)),
            Of("Tt", name + "_like", X(2, 3), ScalarType.Int32), Of("t", "new_" + name, D(2), 3), Of("t", "new_" + name, Z(2), 3, 2),
        }.SelectMany(static cases => cases)),
        .. Of("T", "full", new long[] { 2, 3 }, 1.5),
        .. Of("T", "full", new long[] { 2, 3 }, 2),
        .. Of("T", "full", 2, 3, 0.5),
        .. Of("T", "full", new long[] { 2 }, true),
        .. Of("T", "full", 3, 2, ScalarType.Float64),
        .. Of("Tt", "full_like", X(2, 3), 2),
        .. Of("Tt", "full_like", Z(2, 3), 2, ScalarType.Float32),
        .. Of("t", "new_full", X(2), new long[] { 3, 2 }, 4),
        .. Of("t", "new_full", X(2), 3, 2, 0.25),
        .. Of("T", "arange", 5),
        .. Of("T", "arange", 2, 9),
        .. Of("T", "arange", 2, 9, 3),
        .. Of("T", "arange", 9, 2, -3),
        .. Of("T", "arange", 0.5, 3.0, 0.4),
        .. Of("T", "arange", 2.5),
        .. Of("T", "arange", 0, 4, ScalarType.Float32),
        .. Of("T", "linspace", -1.0, 2.0, 7),
        .. Of("T", "linspace", -1.0, 2.0, 1),
        .. Of("T", "eye", 3),
        .. Of("T", "eye", 3, 4),
        .. Of("T", "eye", 2, new Named("dtype", ScalarType.Int64)),
        .. Of("T", "tensor", 3),
        .. Of("T", "tensor", 2.5),
        .. Of("T", "tensor", true),
        .. Of("T", "tensor", new[] { 1f, 2.5f }),
        .. Of("T", "tensor", new[] { 1L, 2 }),
        .. Of("T", "tensor", new[] { 1, 2 }),
        .. Of("T", "tensor", new[] { true, false }),
        .. Of("T", "tensor", new[] { 1.0, 2 }),
        .. Of("T", "tensor", new[] { 1.0, 2 }, ScalarType.Float32),
        .. Of("T", "tensor", new[,] { { 1f, 2 }, { 3, 4.5f } }),
        .. Of("T", "tensor", new[] { 1f, 2, 3, 4 }, 2, 2),
        .. Of("T", "as_tensor", new[] { 1f, 2.5f }),
        .. Of("T", "as_tensor", new[] { 1L, 2 }),
        .. Of("T", "from_array", new[,] { { 1f, 2 }, { 3, 4.5f } }),
        .. new[] { "tril", "triu" }.SelectMany(static name => new[] { Of("Tt", name, X(3, 4)), Of("Tt", name, X(2, 3, 3), 1), Of("Tt", name, X(3, 3), -1), Of("Tt", name, Z(3, 3)) }.SelectMany(static cases => cases)),
    ];

    private static IEnumerable<Case> Reductions() =>
    [
        .. Of("Tt", "sum", X(2, 3, 4)),
        .. Of("Tt", "sum", X(2, 3, 4), ScalarType.Float64),
        .. Of("Tt", "sum", X(2, 3, 4), 1),
        .. Of("Tt", "sum", X(2, 3, 4), -1, true),
        .. Of("t", "sum", X(2, 3, 4), 0, 1),
        .. Of("t", "sum", X(2, 3, 4), 0, 2, true),
        .. Of("t", "sum", X(2, 3, 4), new long[] { 0, -1 }),
        .. Of("t", "sum", X(2, 3, 4), 0, 1, 2),
        .. Of("Tt", "sum", Z(2, 3), 1),
        .. Of("Tt", "sum", Z32(2, 3)),
        .. Of("Tt", "sum", B(2, 3), 1),
        .. Of("Tt", "sum", Z(2, 3), ScalarType.Float32),
        .. Of("Tt", "mean", X(2, 3, 4)),
        .. Of("Tt", "mean", X(2, 3, 4), new long[] { 1 }),
        .. Of("Tt", "mean", X(2, 3, 4), new long[] { 0, -1 }, true),
        .. Of("Tt", "mean", Z(2, 3), new long[] { 1 }, false, ScalarType.Float32),
        .. new[] { "amax", "amin" }.SelectMany(static name => new[] { Of("Tt", name, X(2, 3, 4), new long[] { 1 }), Of("Tt", name, X(2, 3, 4), new long[] { 0, -1 }, true), Of("Tt", name, Z(2, 3), new long[] { 1 }) }.SelectMany(static cases => cases)),
        .. Of("Tt", "nansum", V(1, float.NaN, 3)),
        .. new[] { "max", "min" }.SelectMany(static name => new[] { Of("Tt", name, X(2, 3)), Of("Tt", name, X(2, 3), 1), Of("Tt", name, X(2, 3), -2, true), Of("Tt", name, X(2, 3), X(3)), Of("Tt", name, Different(2, 3), 0), Of("Tt", name, Z(2, 3)) }.SelectMany(static cases => cases)),
        .. new[] { "argmax", "argmin" }.SelectMany(static name => new[] { Of("Tt", name, X(2, 3)), Of("Tt", name, X(2, 3), 1), Of("Tt", name, X(2, 3), -2, true), Of("Tt", name, Z(2, 3), 1) }.SelectMany(static cases => cases)),
        .. new[] { "any", "all" }.SelectMany(static name => new[] { Of("Tt", name, B(2, 3)), Of("Tt", name, B(2, 3), 1), Of("Tt", name, B(2, 3), -2, true), Of("Tt", name, Z(2, 3), 1) }.SelectMany(static cases => cases)),
        .. Of("Tt", "count_nonzero", Z(2, 3)),
        .. Of("Tt", "count_nonzero", Z(2, 3), new long[] { 1 }),
        .. Of("Tt", "var", X(2, 3)),
        .. new[] { "std", "std_mean" }.SelectMany(static name => new[] { Of("Tt", name, X(2, 3)), Of("Tt", name, X(2, 3), false) }.SelectMany(static cases => cases)),
        .. new[] { "var", "std", "var_mean", "std_mean" }.SelectMany(static name => new[]
        {
            Of("Tt", name, X(2, 3), 1), Of("Tt", name, X(2, 3, 4), -1, false, true), Of("Tt", name, X(2, 3, 4), new long[] { 0, 1 }), Of("Tt", name, X(2, 3, 4), (0, 2)), Of("Tt", name, X(2, 3, 4), (0, 2), false, true),
        }.SelectMany(static cases => cases)),
        .. Of("Tt", "prod", X(2, 3)),
        .. Of("Tt", "prod", X(2, 3), 1),
        .. Of("Tt", "prod", X(2, 3), -2, true),
        .. Of("Tt", "prod", Z(2, 3), 1),
        .. Of("Tt", "prod", Z(2, 3), 1, false, ScalarType.Float32),
        .. Of("Tt", "logsumexp", X(2, 3), 1),
        .. Of("Tt", "logsumexp", X(2, 3), -2, true),
        .. new[] { "cumsum", "cumprod" }.SelectMany(static name => new[] { Of("Tt", name, X(2, 3), 1), Of("Tt", name, X(2, 3), -2), Of("Tt", name, Z(2, 3), 1), Of("Tt", name, B(2, 3), 1), Of("Tt", name, Z(2, 3), 1, ScalarType.Float32) }.SelectMany(static cases => cases)),
        .. Of("Tt", "norm", X(2, 3)),
        .. Of("Tt", "norm", X(2, 3), 1, true),
        .. Of("Tt", "norm", X(2, 3), 1, false, 1.0),
        .. Of("Tt", "norm", X(2, 3), 0, false, 3.0),
        .. Of("Tt", "norm", X(2, 3), new Named("p", 1.0)),
        .. Of("Tt", "norm", X(2, 3), new Named("p", 3.0)),
        .. Of("t", "norm", X(2, 3), 1, false, double.PositiveInfinity),
        .. Of("t", "norm", X(2, 3), 1, false, double.NegativeInfinity),
        .. Of("t", "norm", V(0, 1, 0, -2), 0, false, 0.0),
        .. Of("L", "norm", X(2, 3)),
        .. Of("L", "vector_norm", X(2, 3), 3.0),
        .. Of("L", "vector_norm", X(2, 3), 2.0, new long[] { 1 }, true),
        .. Of("Tt", "topk", Different(2, 5), 2),
        .. Of("Tt", "topk", Different(4, 3), 2, 0),
        .. Of("Tt", "topk", Different(4, 3), 2, 0, false),
        .. Of("Tt", "sort", Different(4, 3)),
        .. Of("Tt", "sort", Different(4, 3), 0),
        .. Of("Tt", "sort", Different(4, 3), -1, true),
        .. Of("Tt", "argsort", Different(4, 3)),
        .. Of("Tt", "argsort", Different(4, 3), 0, true),
    ];

    private static IEnumerable<Case> Shapes() =>
    [
        .. Of("t", "view", X(2, 3, 4), new long[] { 6, -1 }),
        .. Of("Tt", "reshape", X(2, 3, 4), new long[] { 2, -1, 2 }),
        .. Of("Tt", "reshape", X(2, 3, 4), new long[] { 24 }),
        .. Of("Tt", "flatten", X(2, 3, 4)),
        .. Of("Tt", "flatten", X(2, 3, 4), 1),
        .. Of("Tt", "flatten", X(2, 3, 4, 2), -3, -2),
        .. Of("Tt", "unflatten", X(2, 6, 4), 1, new long[] { 2, 3 }),
        .. Of("Tt", "unflatten", X(2, 6, 4), 1, new long[] { 2, -1 }),
        .. Of("Tt", "permute", X(2, 3, 4), new long[] { 2, 0, 1 }),
        .. Of("Tt", "permute", X(2, 3, 4), new long[] { -1, 0, -2 }),
        .. Of("Tt", "transpose", X(2, 3, 4), 0, 2),
        .. Of("Tt", "transpose", X(2, 3, 4), -1, -2),
        .. Of("Tt", "t", X(2, 3)),
        .. Of("Tt", "t", X(3)),
        .. Of("Tt", "unsqueeze", X(2, 3), 1),
        .. Of("Tt", "unsqueeze", X(2, 3), -1),
        .. Of("Tt", "squeeze", X(2, 1, 3, 1)),
        .. Of("Tt", "squeeze", X(2, 1, 3, 1), 1),
        .. Of("Tt", "squeeze", X(2, 1, 3, 1), -1),
        .. Of("Tt", "squeeze", X(2, 1, 3, 1), 0),
        .. Of("T", "cat", new object?[] { new[] { X(2, 3), X(4, 3) } }),
        .. Of("T", "cat", new[] { X(2, 3), X(2, 2), X(2, 1) }, -1),
        .. Of("T", "cat", new[] { X(2, 3), Z(2, 3) }, 1),
        .. Of("T", "concat", new[] { X(2, 3), X(2, 2) }, 1),
        .. Of("T", "concatenate", new[] { X(2, 3), X(2, 2) }, 1),
        .. Of("T", "stack", new[] { X(2, 3), X(2, 3) }, 1),
        .. Of("T", "stack", new[] { X(2, 3), X(2, 3) }, -1),
        .. Of("T", "stack", new[] { X(2, 3), Z(2, 3) }, 0),
        .. new[] { "hstack", "vstack", "dstack", "row_stack" }.SelectMany(static name => new[] { Of("T", name, new object?[] { new[] { X(2, 3, 2), X(2, 3, 2) } }), Of("T", name, new object?[] { new[] { X(2, 3), X(2, 3) } }), Of("T", name, new object?[] { new[] { X(3), X(3) } }) }.SelectMany(static cases => cases)),
        .. Of("Tt", "narrow", X(2, 5), 1, 1, 3),
        .. Of("Tt", "narrow", X(2, 5), -1, -3, 2),
        .. Of("Tt", "chunk", X(2, 5), 2, 1),
        .. Of("Tt", "chunk", X(5, 2), 3),
        .. Of("Tt", "chunk", X(5, 2), 4, -2),
        .. Of("t", "split", X(2, 5), 2, 1),
        .. Of("t", "split", X(5, 2), 2),
        .. Of("Tt", "split", X(2, 5), new long[] { 1, 4 }, 1),
        .. Of("t", "split", X(5, 2), new long[] { 3, 2 }),
        .. Of("t", "expand", X(3, 1), new long[] { 2, 3, 4 }),
        .. Of("t", "expand", X(3, 1), new long[] { -1, 4 }),
        .. Of("Tt", "broadcast_to", X(3, 1), new long[] { 2, 3, 4 }),
        .. Of("t", "expand_as", X(3, 1), X(2, 3, 4)),
        .. Of("t", "view_as", X(3, 4), X(2, 6)),
        .. Of("Tt", "flip", X(3, 4), new long[] { 0, -1 }),
        .. Of("Tt", "flip", X(3, 4), new long[] { 1 }),
        .. Of("Tt", "roll", X(3, 4), 1),
        .. Of("Tt", "roll", X(3, 4), 2, 1),
        .. Of("Tt", "roll", X(3, 4), -1, -1),
        .. Of("Tt", "roll", X(3, 4), new long[] { 1, -2 }, new long[] { 0, 1 }),
        .. Of("Tt", "roll", X(3, 4), (1, -2), (0, 1)),
        .. Of("t", "repeat", X(3, 4), new long[] { 2, 1, 3 }),
        .. Of("t", "repeat", X(3, 4), new long[] { 2, 3 }),
        .. Of("Tt", "tile", X(3, 4), new long[] { 2 }),
        .. Of("Tt", "tile", X(3, 4), new long[] { 2, 1, 3 }),
        .. Of("Tt", "repeat_interleave", X(3, 4), 2),
        .. Of("Tt", "repeat_interleave", X(3, 4), 2, 0),
        .. Of("Tt", "repeat_interleave", X(3, 4), 3, -1),
        .. new[] { "swapaxes", "swapdims" }.SelectMany(static name => Of("Tt", name, X(2, 3, 4), 0, -1)),
        .. new[] { "movedim", "moveaxis" }.SelectMany(static name => Of("Tt", name, X(2, 3, 4), new long[] { 0 }, new long[] { -1 })),
        .. Of("Tt", "movedim", X(2, 3, 4), new long[] { 0, 1 }, new long[] { 2, 0 }),
        .. Of("T", "movedim", X(2, 3, 4), 0, 2),
        .. Of("Tt", "adjoint", X(2, 3, 4)),
        .. Of("Tt", "ravel", X(2, 3)),
        .. Of("t", "slice", X(3, 5), 1, 1, 4, 1),
        .. Of("t", "slice", X(3, 5), -1, -3, -1, 1),
        .. Of("t", "slice", X(3, 5), 1, 2, 100, 1),
        .. Of("t", "slice", X(3, 5), 1, 0, 5, 2),
        .. Of("t", "slice", X(3, 5), -1, -4, 5, 3),
        .. Of("t", "unfold", X(3, 7), 1, 3, 2),
        .. Of("Tt", "diag", X(3, 4)),
        .. Of("Tt", "diag", X(3, 4), 1),
        .. Of("Tt", "diag", X(4, 3), -2),
        .. Of("Tt", "diag", X(3)),
        .. Of("Tt", "diag", X(3), -1),
        .. Of("Tt", "diagonal", X(3, 4)),
        .. Of("Tt", "diagonal", X(3, 4), 2),
        .. Of("Tt", "diagonal", X(2, 3, 4), -1, 1, 2),
        .. Of("Tt", "diagonal", X(4, 3, 4), 1, -1, 0),
        .. Of("T", "meshgrid", new[] { X(3), X(4) }, "ij"),
        .. Of("T", "meshgrid", new[] { X(3), X(4), X(2) }, "xy"),
        .. Of("T", "meshgrid", new[] { X(3) }, "xy"),
        .. Of("t", "unfold", X(7, 3), -2, 2, 1),
    ];

    private static IEnumerable<Case> Indexing() =>
    [
        .. Of("Tt", "gather", X(3, 4), 1, N(4, 3, 2)),
        .. Of("Tt", "gather", X(3, 4), -2, N(3, 2, 4)),
        .. Of("Tt", "gather", Z(3, 4), 1, N(4, 3, 2)),
        .. Of("Tt", "take_along_dim", X(3, 4), N(4, 3, 2), 1),
        .. Of("Tt", "take_along_dim", X(3, 4), N(3, 1, 4), 0),
        .. Of("Tt", "take_along_dim", X(3, 4), N(4, 3, 1), -1),
        .. Of("Tt", "take_along_dim", X(3, 4), N(4, 1, 2), 1),
        .. Of("Tt", "take_along_dim", X(1, 4), N(4, 3, 2), 1),
        .. Of("t", "take_along_dim", X(3, 4), N(12, 5)),
        .. Of("t", "take_along_dim", X(3, 4), N(12, 2, 3)),
        .. Of("Tt", "index_select", X(3, 4, 2), 1, N(4, 5)),
        .. Of("Tt", "index_select", X(3, 4, 2), -1, N(2, 3)),
        .. Of("Tt", "index_select", X(3, 4), 0, Input(ScalarType.Int32, [2], static () => tensor(new[] { 2, 0 }))),
        .. Of("Tt", "index_select", Z(3, 4), 0, N(3, 2)),
        .. Of("Tt", "scatter", X(3, 4), 1, Input(ScalarType.Int64, [3, 2], static () => tensor(new long[,] { { 0, 2 }, { 1, 3 }, { 3, 0 } })), X(3, 2)),
        .. Of("Tt", "scatter_add", X(3, 4), 1, N(4, 3, 2), X(3, 2)),
        .. Of("Tt", "scatter_add", X(3, 4), -2, N(3, 2, 4), X(2, 4)),
        .. Of("Tt", "select", X(3, 4), 1, 2),
        .. Of("Tt", "select", X(3, 4), -1, -2),
        .. Of("Tt", "unbind", X(3, 4)),
        .. Of("Tt", "unbind", X(3, 4), 1),
        .. Of("Tt", "unbind", X(3, 4), -1),
        .. Of("F", "one_hot", N(4, 2, 3), 5),
    ];

    private static IEnumerable<Case> Products() =>
    [
        .. Of("Tt", "matmul", X(3, 4), X(4, 2)),
        .. Of("Tt", "matmul", X(2, 3, 4), X(4, 2)),
        .. Of("Tt", "matmul", X(5, 1, 3, 4), X(2, 4, 2)),
        .. Of("Tt", "matmul", X(4), X(4)),
        .. Of("Tt", "matmul", X(4), X(4, 2)),
        .. Of("Tt", "matmul", X(2, 3, 4), X(4)),
        .. Of("Tt", "matmul", X(4), X(2, 4, 3)),
        .. Of("Tt", "mm", X(3, 4), X(4, 2)),
        .. Of("Tt", "bmm", X(2, 3, 4), X(2, 4, 2)),
        .. Of("Tt", "mv", X(3, 4), X(4)),
        .. Of("Tt", "dot", X(4), X(4)),
        .. Of("Tt", "vdot", X(4), X(4)),
        .. Of("Tt", "inner", X(3, 4), X(2, 4)),
        .. Of("Tt", "inner", X(4), X(4)),
        .. Of("Tt", "inner", X(2, 3, 4), X(5, 2, 4)),
        .. Of("Tt", "inner", X(4), X(5, 4)),
        .. Of("Tt", "outer", X(3), X(4)),
        .. Of("Tt", "ger", X(3), X(4)),
        .. Of("Tt", "addmm", X(3, 2), X(3, 4), X(4, 2), 0.5, 2.0),
        .. Of("t", "addmm", X(3, 2), X(3, 4), X(4, 2)),
        .. Of("Tt", "addmv", X(3), X(3, 4), X(4), 0.5, 2.0),
        .. Of("T", "einsum", "ij,jk->ik", new[] { X(3, 4), X(4, 2) }),
        .. Of("T", "einsum", "ij,jk", new[] { X(3, 4), X(4, 2) }),
        .. Of("T", "einsum", "bhqd,bhkd->bhqk", new[] { X(2, 3, 4, 5), X(2, 3, 6, 5) }),
        .. Of("T", "einsum", "bqhd,bkhd->bhqk", new[] { X(2, 4, 3, 5), X(2, 6, 3, 5) }),
        .. Of("T", "einsum", "...i,...i->...", new[] { X(2, 4, 3), X(2, 4, 3) }),
        .. Of("T", "einsum", "...ij,...jk->...ik", new[] { X(2, 4, 3), X(3, 2) }),
        .. Of("T", "einsum", "i,j->ij", new[] { X(3), X(4) }),
        .. Of("T", "einsum", "ij->", new[] { X(3, 4) }),
        .. Of("T", "einsum", "ba", new[] { X(3, 4) }),
        .. Of("T", "einsum", "ijk->kij", new[] { X(3, 4, 2) }),
        .. Of("T", "einsum", "bn,anm,bm->ba", new[] { X(2, 5), X(3, 5, 4), X(2, 4) }),
        .. Of("T", "einsum", "ij,ij->i", new[] { X(3, 1), X(3, 4) }),
        .. Of("F", "linear", X(2, 3), X(4, 3), X(4)),
        .. Of("F", "linear", X(2, 5, 3), X(4, 3)),
        .. Of("F", "linear", X(3), X(4, 3), X(4)),
        .. Of("F", "bilinear", X(2, 3), X(2, 4), X(5, 3, 4), X(5)),
        .. Of("F", "bilinear", X(2, 6, 3), X(2, 6, 4), X(5, 3, 4)),
        .. Of("F", "cosine_similarity", X(3, 4), X(3, 4)),
        .. Of("F", "cosine_similarity", X(3, 4), X(3, 4), 0),
        .. Of("F", "cosine_similarity", X(3, 4, 2), X(3, 4, 2), -1),
        .. Of("F", "cosine_similarity", X(3, 4), X(4)),
        .. Of("F", "scaled_dot_product_attention", X(2, 3, 4, 8), X(2, 3, 5, 8), X(2, 3, 5, 6)),
        .. Of("F", "scaled_dot_product_attention", X(2, 3, 4, 8), X(2, 3, 4, 8), X(2, 3, 4, 8), new Named("is_casual", true)),
        .. Of("F", "scaled_dot_product_attention", X(2, 3, 4, 8), X(2, 3, 5, 8), X(2, 3, 5, 8), X(4, 5)),
        .. Of("F", "scaled_dot_product_attention", X(2, 3, 4, 8), X(2, 3, 5, 8), X(2, 3, 5, 8), Input(ScalarType.Bool, [4, 5], static () => ones(4, 5, ScalarType.Bool).tril(1))),
        .. Of("F", "scaled_dot_product_attention", X(2, 4, 8), X(2, 5, 8), X(2, 5, 8)),
        .. Of("F", "cross_entropy", X(3, 5), N(5, 3)),
        .. Of("F", "cross_entropy", X(3, 5), N(5, 3), new Named("label_smoothing", 0.1)),
        .. Of("F", "cross_entropy", X(2, 5, 3), N(5, 2, 3)),
        .. Of("F", "nll_loss", X(3, 5), N(5, 3)),
        .. Of("F", "nll_loss", X(2, 5, 3), N(5, 2, 3)),
        .. Of("F", "mse_loss", X(3, 5), X(3, 5)),
        .. Of("F", "l1_loss", X(3, 5), X(3, 5)),
        .. Of("F", "binary_cross_entropy_with_logits", X(3, 5), Input(ScalarType.Float32, [3, 5], static () => rand(3, 5))),
        .. Of("F", "smooth_l1_loss", X(3, 5), X(3, 5)),
        .. Of("F", "smooth_l1_loss", X(3, 5), X(3, 5), new Named("beta", 0.5)),
    ];
}
