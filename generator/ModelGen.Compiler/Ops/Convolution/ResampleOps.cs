using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>
/// Padding of trailing dimensions: attribute <c>pads</c> holds the number of elements before and after, last dimension first, as PyTorch orders them
/// (negative ones cut); <c>mode</c> is constant, reflect, replicate or circular; <c>value</c> fills in constant mode.
/// </summary>
internal sealed class PadOp : OpDefinition
{
    public override string Name => "pad";

    public override FusionKind Fusion => FusionKind.Injective;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        TensorType x = op[0];
        EquatableArray<long> pads = op.Attributes.Ints("pads");
        string mode = op.Attributes.String("mode");
        int padded = pads.Count / 2;
        if (pads.Count % 2 != 0 || padded > x.Rank)
        {
            throw new OpException($"pad: {pads} must hold two numbers for each of at most {Invariant.Text(x.Rank)} dimensions of {x.ShapeText()}, last dimension first");
        }

        if (mode != "constant" && (padded is < 1 or > 3 || (x.Rank != padded + 1 && x.Rank != padded + 2)))
        {
            throw new OpException($"pad: {mode} padding of {Invariant.Text(padded)} dimension(s) needs {ConvOp.Layout(Math.Max(1, Math.Min(3, padded)))} with or without the batch, got {x.ShapeText()}");
        }

        var shape = x.Shape.ToList();
        for (int i = 0; i < padded; i++)
        {
            int axis = x.Rank - 1 - i;
            (long before, long after) = (pads[2 * i], pads[(2 * i) + 1]);
            long most = Math.Max(before, after);
            if (shape[axis].Constant is long size && ((mode == "reflect" && most >= size) || (mode == "circular" && most > size)))
            {
                throw new OpException($"pad: {mode} padding of {Invariant.Text(most)} needs more than the {Invariant.Text(size)} elements of dimension {Invariant.Text(axis)} of {x.ShapeText()}");
            }

            shape[axis] += before + after;
            if (shape[axis].Constant < 0)
            {
                throw new OpException($"pad: {pads} cuts more than dimension {Invariant.Text(axis)} of {x.ShapeText()} has");
            }
        }

        return One(x.WithShape(shape));
    }

    /// <summary>Padding with a number is undone by cutting, and cutting by padding with zeros.</summary>
    public override void Differentiate(GradientContext g)
    {
        if (g.Attributes.String("mode") != "constant")
        {
            base.Differentiate(g);
            return;
        }

        g.Set(0, () => g.Graph.AddNode(Name, new[] { g.Grad }, g.Attributes.With("pads", g.Attributes.Ints("pads").Select(static pad => -pad).ToEquatableArray()).With("value", 0.0))[0]);
    }

    public override bool Lower(KernelContext k) => k.Attributes.String("mode") == "constant" ? ResampleLowering.PadWithNumber(k) : ResampleLowering.Pad(k);

    public override bool LowerGradient(KernelContext k) => ResampleLowering.PadGradient(k);

    public override string EmitCSharp(CSharpContext c)
    {
        string mode = c.Attributes.String("mode") switch { "constant" => "Constant", "reflect" => "Reflect", "replicate" => "Replicate", _ => "Circular" };
        return $"F.pad({c[0]}, new long[] {{ {string.Join(", ", c.Attributes.Ints("pads").Select(Invariant.Text))} }}, PaddingModes.{mode}, {Invariant.Text(c.Attributes.Double("value"))})";
    }

    public override void EmitOnnx(OnnxContext c)
    {
        int rank = c.Type(0).Rank;
        EquatableArray<long> pads = c.Attributes.Ints("pads");
        string Side(int axis, int side) => rank - 1 - axis < pads.Count / 2 ? Invariant.Text(pads[(2 * (rank - 1 - axis)) + side]) : "0";
        string amounts = c.Longs([.. Enumerable.Range(0, 2 * rank).Select(i => Side(i % rank, i / rank))]);
        string mode = c.Attributes.String("mode") switch { "replicate" => "edge", "circular" => "wrap", var same => same };
        c.Node("Pad", mode == "constant" && c.Attributes.Double("value") != 0 ? [c.Input(0), amounts, c.Scalar(c.Attributes.Double("value"))] : [c.Input(0), amounts], OnnxContext.Text("mode", mode));
    }

    public override string? ExportProblem(OpContext op) => op.Attributes.Double("value") != 0 && op[0].DType != DType.Float32 ? $"padding {op[0]} with a number has an ONNX form only for float32" : null;
}

/// <summary>
/// Resampling of <c>[N, C, d...]</c> to the spatial sizes of attribute <c>size</c>; <c>mode</c> is nearest, nearest-exact, linear or cubic. Where
/// <c>scale</c> (C# text of the factors) is not empty, positions follow it instead of the ratio of the sizes, as PyTorch does.
/// </summary>
internal sealed class ResizeOp : OpDefinition
{
    public override string Name => "resize";

    public override FusionKind Fusion => FusionKind.Opaque;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        OpContext.RequireFloat(Name, op[0]);
        EquatableArray<Dim> size = op.Attributes.Dims("size");
        string mode = op.Attributes.String("mode");
        return op[0].Rank != size.Count + 2 || size.Count is < 1 or > 3 || (mode == "cubic" && size.Count != 2)
            ? throw new OpException($"resize: {mode} resampling to {size} does not fit {op[0].ShapeText()}; it needs [N, C, ...] with a size for each spatial dimension{(mode == "cubic" ? ", two of them" : "")}")
            : size.Any(static length => length.Constant < 1) ? throw new OpException($"resize: the result of {op[0].ShapeText()} would have the empty size {size}")
            : One(op[0].WithShape(op[0].Shape.Take(2).Concat(size)));
    }

    public override bool Lower(KernelContext k) => ResampleLowering.Resize(k);

    public override bool LowerGradient(KernelContext k) => ResampleLowering.ResizeGradient(k);

    public override string EmitCSharp(CSharpContext c)
    {
        EquatableArray<Dim> size = c.Attributes.Dims("size");
        string mode = c.Attributes.String("mode") switch
        {
            "nearest" => "Nearest",
            "nearest-exact" => "NearestExact",
            "cubic" => "Bicubic",
            _ => size.Count switch { 1 => "Linear", 2 => "Bilinear", _ => "Trilinear" },
        };
        string scale = c.Attributes.String("scale");
        string target = scale.Length > 0 ? $"scale_factor: new double[] {{ {scale} }}" : $"size: {CSharpContext.Longs(size)}";
        string align = mode == "Nearest" ? "" : $", align_corners: {Invariant.Text(c.Attributes.Bool("align_corners"))}";
        return $"F.interpolate({c[0]}, {target}, mode: InterpolationMode.{mode}{align})";
    }

    public override void EmitOnnx(OnnxContext c)
    {
        string mode = c.Attributes.String("mode");
        string scale = c.Attributes.String("scale");
        string coordinates = mode == "nearest" ? "asymmetric" : c.Attributes.Bool("align_corners") ? "align_corners" : "half_pixel";
        List<string> attributes = [OnnxContext.Text("mode", mode is "linear" or "cubic" ? mode : "nearest"), OnnxContext.Text("coordinate_transformation_mode", coordinates)];
        if (mode.StartsWith("nearest", StringComparison.Ordinal))
        {
            attributes.Add(OnnxContext.Text("nearest_mode", mode == "nearest" ? "floor" : "round_prefer_ceil"));
        }

        if (mode == "cubic")
        {
            attributes.Add(OnnxContext.Float("cubic_coeff_a", -0.75));
        }

        string[] inputs = scale.Length > 0
            ? [c.Input(0), "\"\"", $"OnnxExport.Floats(onnx, [1.0, 1.0, {scale}])"]
            : [c.Input(0), "\"\"", "\"\"", c.Longs([.. c.Result().Shape.Select(static dim => dim.ToCSharp())])];
        c.Node("Resize", inputs, [.. attributes]);
    }

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * (op.Attributes.String("mode") switch { "cubic" => 64, "linear" => 8, _ => 0 });
}

/// <summary>Samples <c>[N, C, d...]</c> at the positions of a grid <c>[N, d..., 2 or 3]</c> with coordinates in -1 to 1.</summary>
internal sealed class GridSampleOp : OpDefinition
{
    public override string Name => "grid_sample";

    public override FusionKind Fusion => FusionKind.Opaque;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        OpContext.RequireFloat(Name, op[0]);
        (TensorType x, TensorType grid) = (op[0], op[1]);
        return x.Rank is 4 or 5 && grid.Rank == x.Rank && grid.Shape[grid.Rank - 1].Constant == x.Rank - 2 && Dim.CanBe(grid.Shape[0], x.Shape[0]) && grid.DType == x.DType
            ? One(x.WithShape(x.Shape.Take(2).Concat(grid.Shape.Skip(1).Take(x.Rank - 2))))
            : throw new OpException($"grid_sample: the grid {grid} does not fit the input {x}: it needs the same batch and type, the output's spatial sizes, and a last dimension of {Invariant.Text(x.Rank - 2)}");
    }

    public override string EmitCSharp(CSharpContext c)
    {
        string mode = c.Attributes.String("mode") == "nearest" ? "Nearest" : "Bilinear";
        string padding = c.Attributes.String("padding") switch { "zeros" => "Zeros", "border" => "Border", _ => "Reflection" };
        return $"F.grid_sample({c[0]}, {c[1]}, GridSampleMode.{mode}, GridSamplePaddingMode.{padding}, align_corners: {Invariant.Text(c.Attributes.Bool("align_corners"))})";
    }

    public override void EmitOnnx(OnnxContext c) => c.Node(
        "GridSample",
        [c.Input(0), c.Input(1)],
        OnnxContext.Text("mode", c.Attributes.String("mode")),
        OnnxContext.Text("padding_mode", c.Attributes.String("padding")),
        OnnxContext.Int("align_corners", c.Attributes.Bool("align_corners") ? 1 : 0));

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * 16;
}

/// <summary>The sampling grid of affine maps <c>[N, 2, 3]</c> or <c>[N, 3, 4]</c>; attribute <c>size</c> is the sampled tensor's shape.</summary>
internal sealed class AffineGridOp : OpDefinition
{
    public override string Name => "affine_grid";

    public override FusionKind Fusion => FusionKind.Opaque;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        OpContext.RequireFloat(Name, op[0]);
        EquatableArray<Dim> size = op.Attributes.Dims("size");
        int spatial = size.Count - 2;
        return spatial is 2 or 3 && op[0].Rank == 3 && op[0].Shape[1].Constant == spatial && op[0].Shape[2].Constant == spatial + 1 && Dim.CanBe(op[0].Shape[0], size[0])
            ? One(op[0].WithShape(new[] { op[0].Shape[0] }.Concat(size.Skip(2)).Append((Dim)spatial)))
            : throw new OpException($"affine_grid: maps {op[0].ShapeText()} do not fit the size {size}; 2-D needs [N, 2, 3] and [N, C, H, W], 3-D [N, 3, 4] and [N, C, D, H, W]");
    }

    public override string EmitCSharp(CSharpContext c) => $"F.affine_grid({c[0]}, {CSharpContext.Longs(c.Attributes.Dims("size"))}, {Invariant.Text(c.Attributes.Bool("align_corners"))})";

    public override void EmitOnnx(OnnxContext c) => c.Node(
        "AffineGrid",
        [c.Input(0), c.Longs([.. c.Attributes.Dims("size").Select(static dim => dim.ToCSharp())])],
        OnnxContext.Int("align_corners", c.Attributes.Bool("align_corners") ? 1 : 0));

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * 6;
}
