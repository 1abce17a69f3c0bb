using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Ops;

/// <summary>2-D max pooling of <c>[N, C, H, W]</c>; the second result holds the positions of the maxima, which the gradient needs.</summary>
internal sealed class MaxPoolOp : OpDefinition
{
    public override string Name => "max_pool";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.SameRange;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        TensorType y = PoolTypes.Pooled(Name, op);
        return new[] { y, y with { DType = DType.Int64 } };
    }

    public override void Differentiate(GradientContext g) =>
        g.Set(0, () => g.Graph.AddNode("max_pool_backward", new[] { g.Grad, g.Input(0), g.Output(1) }, g.Attributes)[0]);

    public override string EmitCSharp(CSharpContext c) =>
        $"F.max_pool2d_with_indices({c[0]}, {c.Ints("kernel")}, {c.Ints("stride")}, {c.Ints("padding")}, {c.Ints("dilation")}, {Invariant.Text(c.Attributes.Bool("ceil"))})";

    public override void EmitOnnx(OnnxContext c) => c.Node("MaxPool", [c.Input(0)], [.. PoolTypes.OnnxAttributes(c), OnnxContext.Ints("dilations", c.Attributes.Ints("dilation"))]);

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * (op.Attributes.Ints("kernel")[0] * op.Attributes.Ints("kernel")[1]);
}

/// <summary>Gradient of max pooling: each output gradient goes to the position its maximum came from.</summary>
internal sealed class MaxPoolBackwardOp : OpDefinition
{
    public override string Name => "max_pool_backward";

    public override FusionKind Fusion => FusionKind.Opaque;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "second derivatives are not needed for training";

    public override string NotExportable => "only gradients use it";

    public override EquatableArray<TensorType> Infer(OpContext op) => One(op[1]);

    public override string EmitCSharp(CSharpContext c) => $"Kernels.MaxPoolBackward({c[0]}, {c[1]}, {c[2]}, {PoolTypes.CSharpArguments(c)}, {c.Ints("dilation")}, {Invariant.Text(c.Attributes.Bool("ceil"))})";
}

/// <summary>2-D average pooling of <c>[N, C, H, W]</c>.</summary>
internal sealed class AvgPoolOp : OpDefinition
{
    public override string Name => "avg_pool";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.Integer;

    public override EquatableArray<TensorType> Infer(OpContext op) => One(PoolTypes.Pooled(Name, op));

    public override void Differentiate(GradientContext g) => g.Set(0, () => g.Graph.AddNode("avg_pool_backward", new[] { g.Grad, g.Input(0) }, g.Attributes)[0]);

    public override string EmitCSharp(CSharpContext c) =>
        $"F.avg_pool2d({c[0]}, {c.Ints("kernel")}, {c.Ints("stride")}, {c.Ints("padding")}, {Invariant.Text(c.Attributes.Bool("ceil"))}, {Invariant.Text(c.Attributes.Bool("count_padding"))})";

    public override void EmitOnnx(OnnxContext c) => c.Node("AveragePool", [c.Input(0)], [.. PoolTypes.OnnxAttributes(c), OnnxContext.Int("count_include_pad", c.Attributes.Bool("count_padding") ? 1 : 0)]);

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * (op.Attributes.Ints("kernel")[0] * op.Attributes.Ints("kernel")[1]);
}

/// <summary>Gradient of average pooling.</summary>
internal sealed class AvgPoolBackwardOp : OpDefinition
{
    public override string Name => "avg_pool_backward";

    public override FusionKind Fusion => FusionKind.Opaque;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "second derivatives are not needed for training";

    public override string NotExportable => "only gradients use it";

    public override EquatableArray<TensorType> Infer(OpContext op) => One(op[1]);

    public override string EmitCSharp(CSharpContext c) =>
        $"Kernels.AvgPoolBackward({c[0]}, {c[1]}, {PoolTypes.CSharpArguments(c)}, {Invariant.Text(c.Attributes.Bool("ceil"))}, {Invariant.Text(c.Attributes.Bool("count_padding"))})";
}

/// <summary>2-D average pooling to a given output size: <c>[N, C, H, W]</c> to <c>[N, C, size...]</c>.</summary>
internal sealed class AdaptiveAvgPoolOp : OpDefinition
{
    public override string Name => "adaptive_avg_pool";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.Integer;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        if (op[0].Rank != 4)
        {
            throw new OpException($"adaptive_avg_pool2d needs [N, C, H, W], got {op[0].ShapeText()}");
        }

        EquatableArray<long> size = op.Attributes.Ints("size");
        return One(op[0].WithShape([op[0].Shape[0], op[0].Shape[1], size[0], size[1]]));
    }

    public override void Differentiate(GradientContext g) => g.Set(0, () => g.Graph.AddNode("adaptive_avg_pool_backward", new[] { g.Grad, g.Input(0) }, g.Attributes)[0]);

    public override string EmitCSharp(CSharpContext c) => $"F.adaptive_avg_pool2d({c[0]}, {c.Ints("size")})";

    public override void EmitOnnx(OnnxContext c)
    {
        EquatableArray<long> size = c.Attributes.Ints("size");
        if (size[0] == 1 && size[1] == 1)
        {
            c.Node("GlobalAveragePool", [c.Input(0)]);
            return;
        }

        // ONNX has no adaptive pooling: with known sizes that divide it is ordinary pooling.
        long[] kernel = [.. Enumerable.Range(0, 2).Select(i => c.Type(0).Shape[i + 2].Constant!.Value / size[i])];
        c.Node("AveragePool", [c.Input(0)], OnnxContext.Ints("kernel_shape", kernel), OnnxContext.Ints("strides", kernel));
    }

    public override string? ExportProblem(OpContext op)
    {
        EquatableArray<long> size = op.Attributes.Ints("size");
        bool divides = Enumerable.Range(0, 2).All(i => size[i] == 1 || op[0].Shape[i + 2].Constant % size[i] == 0);
        bool global = size[0] == 1 && size[1] == 1;
        return global || (divides && op[0].Shape[2].Constant is not null && op[0].Shape[3].Constant is not null)
            ? null
            : $"adaptive_avg_pool2d from {op[0].ShapeText()} to {size} has no ONNX form: the input size must be a known multiple of the output size. Choose an output size that divides the input, or 1";
    }

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => op[0].Count;
}

/// <summary>Gradient of adaptive average pooling.</summary>
internal sealed class AdaptiveAvgPoolBackwardOp : OpDefinition
{
    public override string Name => "adaptive_avg_pool_backward";

    public override FusionKind Fusion => FusionKind.Opaque;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "second derivatives are not needed for training";

    public override string NotExportable => "only gradients use it";

    public override EquatableArray<TensorType> Infer(OpContext op) => One(op[1]);

    public override string EmitCSharp(CSharpContext c) => $"Kernels.AdaptiveAvgPoolBackward({c[0]}, {c[1]})";
}

/// <summary>What the pooling operators share.</summary>
internal static class PoolTypes
{
    public static TensorType Pooled(string op, OpContext context)
    {
        TensorType x = context[0];
        OpContext.RequireFloat(op, x);
        if (x.Rank != 4)
        {
            throw new OpException($"{op}2d needs [N, C, H, W], got {x.ShapeText()}");
        }

        OpAttributes a = context.Attributes;
        var shape = new List<Dim> { x.Shape[0], x.Shape[1] };
        for (int i = 0; i < 2; i++)
        {
            long padding = a.Ints("padding")[i];
            if (padding * 2 > a.Ints("kernel")[i])
            {
                throw new OpException($"{op}2d: padding {Invariant.Text(padding)} is more than half of the kernel size {Invariant.Text(a.Ints("kernel")[i])}");
            }

            long dilation = op == "max_pool" ? a.Ints("dilation")[i] : 1;
            shape.Add(ConvOp.Window(op, x.Shape[i + 2], a.Ints("kernel")[i], a.Ints("stride")[i], padding, dilation, i == 0 ? "height" : "width", a.Bool("ceil")));
        }

        return x.WithShape(shape);
    }

    public static string CSharpArguments(CSharpContext c) => $"{c.Ints("kernel")}, {c.Ints("stride")}, {c.Ints("padding")}";

    public static IEnumerable<string> OnnxAttributes(OnnxContext c)
    {
        long[] pads = c.Attributes.Ints("padding").ToArray();
        yield return OnnxContext.Ints("kernel_shape", c.Attributes.Ints("kernel"));
        yield return OnnxContext.Ints("strides", c.Attributes.Ints("stride"));
        yield return OnnxContext.Ints("pads", [.. pads, .. pads]);
        yield return OnnxContext.Int("ceil_mode", c.Attributes.Bool("ceil") ? 1 : 0);
    }
}
