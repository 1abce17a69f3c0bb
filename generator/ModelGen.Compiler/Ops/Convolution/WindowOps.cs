using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Ops;

/// <summary>Max pooling whose positions the model reads: the positions are counted within each channel, which ONNX does not do.</summary>
internal sealed class MaxPoolIndicesOp : OpDefinition
{
    public override string Name => "max_pool_indices";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override string NotExportable => "ONNX counts the positions of maxima over the whole tensor, not within each channel";

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        TensorType y = PoolTypes.Pooled("max_pool", op);
        return new[] { y, y with { DType = DType.Int64 } };
    }

    public override string EmitCSharp(CSharpContext c) =>
        $"F.max_pool{PoolTypes.Suffix(c)}_with_indices({c[0]}, {PoolTypes.CSharpArguments(c)}, {PoolTypes.Sizes(c, "dilation")}, {Invariant.Text(c.Attributes.Bool("ceil"))})";

    public override string? ExportProblem(OpContext op) => "max pooling with indices has no ONNX form: " + NotExportable;

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * PoolTypes.WindowSize(op);
}

/// <summary>Max pooling to a given output size whose positions the model reads; over one or two dimensions.</summary>
internal sealed class AdaptiveMaxPoolIndicesOp : OpDefinition
{
    public override string Name => "adaptive_max_pool_indices";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override string NotExportable => "ONNX counts the positions of maxima over the whole tensor, not within each channel";

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        OpContext.RequireFloat(Name, op[0]);
        TensorType y = PoolTypes.Adaptive("adaptive_max_pool", op);
        return new[] { y, y with { DType = DType.Int64 } };
    }

    public override string EmitCSharp(CSharpContext c) => $"F.adaptive_max_pool{PoolTypes.AdaptiveArguments(c, "_with_indices")}";

    public override string? ExportProblem(OpContext op) => "max pooling with indices has no ONNX form: " + NotExportable;

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => op[0].Count;
}

/// <summary>
/// Power-average pooling: the root of the sum of powers over each window; attributes norm, kernel, stride and ceil. Defined by its library function, whose
/// sum is an average times the full window size even where a window is cut.
/// </summary>
internal sealed class LpPoolOp : OpDefinition
{
    public override string Name => "lp_pool";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        OpAttributes a = op.Attributes;
        int spatial = a.Ints("kernel").Count;
        return a.Double("norm") != 0
            ? One(PoolTypes.Pooled(Name, op with { Attributes = a.With("padding", new long[spatial]) }))
            : throw new OpException("lp_pool: norm_type must not be 0");
    }

    public override string EmitCSharp(CSharpContext c) =>
        $"F.lp_pool{PoolTypes.Suffix(c)}({c[0]}, {Invariant.Text(c.Attributes.Double("norm"))}, {PoolTypes.Sizes(c, "kernel")}, {PoolTypes.Sizes(c, "stride")}, {Invariant.Text(c.Attributes.Bool("ceil"))})";

    public override void EmitOnnx(OnnxContext c)
    {
        double norm = c.Attributes.Double("norm");
        double window = c.Attributes.Ints("kernel").Aggregate(1.0, static (product, size) => product * size);
        string powers = c.Intermediate("Pow", [c.Input(0), c.Scalar(norm)], c.Type(0));
        string average = c.Intermediate(
            "AveragePool",
            [powers],
            c.Result(),
            OnnxContext.Ints("kernel_shape", c.Attributes.Ints("kernel")),
            OnnxContext.Ints("strides", c.Attributes.Ints("stride")),
            OnnxContext.Int("ceil_mode", c.Attributes.Bool("ceil") ? 1 : 0));
        c.Node("Pow", [c.Intermediate("Mul", [average, c.Scalar(window)], c.Result()), c.Scalar(1 / norm)]);
    }

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => op[0].Count * 10;
}

/// <summary>Every window of <c>[N, C, H, W]</c> as a column: <c>[N, C * kernel, windows]</c>; attributes kernel, dilation, padding, stride.</summary>
internal sealed class UnfoldOp : OpDefinition
{
    public override string Name => "unfold";

    public override FusionKind Fusion => FusionKind.Injective;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        OpContext.RequireFloat(Name, op[0]);
        if (op[0].Rank != 4)
        {
            throw new OpException($"unfold needs [N, C, H, W], got {op[0].ShapeText()}");
        }

        Dim windows = WindowTypes.Windows(Name, op.Attributes, op[0].Shape[2], op[0].Shape[3]);
        return One(op[0].WithShape([op[0].Shape[0], op[0].Shape[1] * WindowTypes.Elements(op.Attributes), windows]));
    }

    public override string EmitCSharp(CSharpContext c) => $"F.unfold({c[0]}, {WindowTypes.Arguments(c)})";

    // A convolution whose kernels pick one element of the window each.
    public override void EmitOnnx(OnnxContext c)
    {
        long[] pads = c.Attributes.Ints("padding").ToArray();
        long channels = c.Type(0).Shape[1].Constant!.Value;
        EquatableArray<long> kernel = c.Attributes.Ints("kernel");
        Dim[] sizes = [.. Enumerable.Range(0, 2).Select(axis => WindowTypes.Along(Name, c.Attributes, axis, c.Type(0).Shape[axis + 2]))];
        TensorType windows = c.Type(0).WithShape([c.Type(0).Shape[0], channels * kernel[0] * kernel[1], .. sizes]);
        string columns = c.Intermediate(
            "Conv",
            [c.Input(0), WindowTypes.Selectors(c, channels)],
            windows,
            OnnxContext.Ints("strides", c.Attributes.Ints("stride")),
            OnnxContext.Ints("pads", [.. pads, .. pads]),
            OnnxContext.Ints("dilations", c.Attributes.Ints("dilation")),
            OnnxContext.Int("group", channels));
        c.Node("Reshape", [columns, c.Longs([.. c.Result().Shape.Select(static dim => dim.ToCSharp())])]);
    }

    public override string? ExportProblem(OpContext op) => op[0].Shape[1].Constant is null ? $"unfold of {op[0].ShapeText()} has no ONNX form: the number of channels must be known during the build" : null;
}

/// <summary>Sums columns back into windows of <c>[N, C, size...]</c>: the transpose of unfolding.</summary>
internal sealed class FoldOp : OpDefinition
{
    public override string Name => "fold";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        OpContext.RequireFloat(Name, op[0]);
        EquatableArray<long> size = op.Attributes.Ints("size");
        if (op[0].Rank != 3)
        {
            throw new OpException($"fold needs [N, C * kernel, windows], got {op[0].ShapeText()}");
        }

        Dim windows = WindowTypes.Windows(Name, op.Attributes, size[0], size[1]);
        Dim channels = Dim.DivideExactly(op[0].Shape[1], WindowTypes.Elements(op.Attributes))
            ?? throw new OpException($"fold: dimension 1 of {op[0].ShapeText()} is not a multiple of the window's {Invariant.Text(WindowTypes.Elements(op.Attributes))} elements");
        return Dim.CanBe(op[0].Shape[2], windows)
            ? One(op[0].WithShape([op[0].Shape[0], channels, size[0], size[1]]))
            : throw new OpException($"fold: {op[0].ShapeText()} has {op[0].Shape[2]} windows, but an image of {size} has {windows}");
    }

    public override string EmitCSharp(CSharpContext c) =>
        $"F.fold({c[0]}, {WindowTypes.Pair(c, "size")}, {WindowTypes.Arguments(c)})";

    // The transposed convolution of the unfolding one; the image's rest that no window covers is output padding.
    public override void EmitOnnx(OnnxContext c)
    {
        OpAttributes a = c.Attributes;
        EquatableArray<long> size = a.Ints("size");
        long[] pads = a.Ints("padding").ToArray();
        long channels = c.Result().Shape[1].Constant!.Value;
        Dim[] sizes = [.. Enumerable.Range(0, 2).Select(axis => WindowTypes.Along(Name, a, axis, size[axis]))];
        long[] rest = [.. Enumerable.Range(0, 2).Select(axis =>
            size[axis] - ConvTransposeOp.Size(sizes[axis], a.Ints("kernel")[axis], a.Ints("stride")[axis], pads[axis], 0, a.Ints("dilation")[axis]).Constant!.Value)];
        TensorType windows = c.Type(0).WithShape([c.Type(0).Shape[0], c.Type(0).Shape[1], .. sizes]);
        string grid = c.Intermediate("Reshape", [c.Input(0), c.Longs([.. windows.Shape.Select(static dim => dim.ToCSharp())])], windows);
        c.Node(
            "ConvTranspose",
            [grid, WindowTypes.Selectors(c, channels)],
            OnnxContext.Ints("strides", a.Ints("stride")),
            OnnxContext.Ints("pads", [.. pads, .. pads]),
            OnnxContext.Ints("output_padding", rest),
            OnnxContext.Ints("dilations", a.Ints("dilation")),
            OnnxContext.Int("group", channels));
    }

    public override string? ExportProblem(OpContext op) => op[0].Shape[1].Constant is null ? $"fold of {op[0].ShapeText()} has no ONNX form: the number of channels must be known during the build" : null;

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => op[0].Count;
}

/// <summary>What folding and unfolding share.</summary>
internal static class WindowTypes
{
    public static long Elements(OpAttributes a) => a.Ints("kernel")[0] * a.Ints("kernel")[1];

    public static Dim Along(string op, OpAttributes a, int axis, Dim size) =>
        ConvOp.Window(op, size, a.Ints("kernel")[axis], a.Ints("stride")[axis], a.Ints("padding")[axis], a.Ints("dilation")[axis], ConvOp.AxisName(axis, 2));

    public static Dim Windows(string op, OpAttributes a, Dim height, Dim width) => Along(op, a, 0, height) * Along(op, a, 1, width);

    public static string Pair(CSharpContext c, string name) => $"({Invariant.Text(c.Attributes.Ints(name)[0])}L, {Invariant.Text(c.Attributes.Ints(name)[1])}L)";

    public static string Arguments(CSharpContext c) => $"{Pair(c, "kernel")}, {Pair(c, "dilation")}, {Pair(c, "padding")}, {Pair(c, "stride")}";

    /// <summary>For each channel and each place of the window a kernel that is 1 there and 0 elsewhere: <c>[C * kernel, 1, kernel...]</c>.</summary>
    public static string Selectors(OnnxContext c, long channels)
    {
        EquatableArray<long> kernel = c.Attributes.Ints("kernel");
        long count = kernel[0] * kernel[1];
        TensorType square = c.Type(0).WithShape([count, count]);
        TensorType one = square.WithShape([count, 1, kernel[0], kernel[1]]);
        TensorType all = square.WithShape([channels * count, 1, kernel[0], kernel[1]]);
        string zeros = c.Intermediate("Expand", [c.Scalar(0), c.Longs(Invariant.Text(count), Invariant.Text(count))], square);
        string shaped = c.Intermediate(
            "Reshape",
            [c.Intermediate("EyeLike", [zeros], square), c.Longs([.. one.Shape.Select(static dim => dim.ToCSharp())])],
            one);
        return c.Intermediate("Tile", [shaped, c.Longs(Invariant.Text(channels), "1", "1", "1")], all);
    }
}
