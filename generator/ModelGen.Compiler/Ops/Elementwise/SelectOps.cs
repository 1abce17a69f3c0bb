using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>Takes each element from one of two tensors by a boolean tensor: <c>where(condition, a, b)</c>.</summary>
internal sealed class WhereOp : OpDefinition
{
    public override string Name => "where";

    public override FusionKind Fusion => FusionKind.Elementwise;

    public override Func<PointwiseContext, string>? Pointwise => VectorForms.Of(Name);

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        if (op[0].DType != DType.Bool || op[1].DType != op[2].DType)
        {
            throw new OpException($"where needs a boolean condition and two tensors of one type, got {op[0]}, {op[1]} and {op[2]}");
        }

        EquatableArray<Dim> shape = OpContext.Broadcast(Name, op[0].Shape, OpContext.Broadcast(Name, op[1].Shape, op[2].Shape));
        return One(new TensorType(op[1].DType, shape));
    }

    public override void Differentiate(GradientContext g)
    {
        int Zero() => g.Graph.Constant(0, g.TypeOf(g.Grad).DType);
        g.Set(1, () => g.Graph.Add("where", [g.Input(0), g.Grad, Zero()]));
        g.Set(2, () => g.Graph.Add("where", [g.Input(0), Zero(), g.Grad]));
    }

    public override bool Lower(KernelContext k) => IntegerLowering.Select(k, 0, 1, () => (k.Operand(1), k.Operand(2)));

    public override string EmitCSharp(CSharpContext c) => $"TensorOps.Where({c[0]}, {c.Scalar(1) ?? c[1]}, {c.Scalar(2) ?? c[2]})";

    public override void EmitOnnx(OnnxContext c) => c.Node("Where", [c.Input(0), c.Input(1), c.Input(2)]);
}

/// <summary>Replaces elements by a constant where a boolean mask is set.</summary>
internal sealed class MaskedFillOp : OpDefinition
{
    public override string Name => "masked_fill";

    public override FusionKind Fusion => FusionKind.Elementwise;

    public override Func<PointwiseContext, string>? Pointwise => VectorForms.Of(Name);

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        if (op[1].DType != DType.Bool)
        {
            throw new OpException($"masked_fill needs a boolean mask, got {op[1]}");
        }

        EquatableArray<Dim> shape = OpContext.Broadcast(Name, op[0].Shape, op[1].Shape);
        return shape.Equals(op[0].Shape)
            ? One(op[0])
            : throw new OpException($"masked_fill: the mask {op[1].ShapeText()} does not fit into the tensor {op[0].ShapeText()}");
    }

    public override void Differentiate(GradientContext g) => g.Set(0, () => g.Graph.Add("masked_fill", [g.Grad, g.Input(1)], ("value", 0.0)));

    public override bool Lower(KernelContext k) => IntegerLowering.Select(k, 1, 0, () => (k.Number((long)k.Attributes.Double("value")), k.Operand(0)));

    public override string EmitCSharp(CSharpContext c) => $"TensorOps.MaskedFill({c[0]}, {c[1]}, {Invariant.Text(c.Attributes.Double("value"))})";

    public override void EmitOnnx(OnnxContext c) => c.Node("Where", [c.Input(1), c.Scalar(c.Attributes.Double("value"), c.Type(0).DType), c.Input(0)]);
}

/// <summary>Converts the element type.</summary>
internal sealed class CastOp : OpDefinition
{
    public override string Name => "cast";

    public override FusionKind Fusion => FusionKind.Elementwise;

    public override Func<PointwiseContext, string>? Pointwise => VectorForms.Of(Name);

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override EquatableArray<TensorType> Infer(OpContext op) => One(op[0] with { DType = op.Attributes.DType("dtype") });

    public override void Differentiate(GradientContext g) => g.Set(0, () => g.Graph.Cast(g.Grad, g.TypeOf(g.Input(0)).DType));

    public override bool Lower(KernelContext k) => IntegerLowering.Cast(k);

    public override string EmitCSharp(CSharpContext c) => $"{c[0]}.to_type({c.Attributes.DType("dtype").Torch()})";

    public override void EmitOnnx(OnnxContext c) => c.Node("Cast", [c.Input(0)], OnnxContext.Type("to", c.Attributes.DType("dtype")));
}

/// <summary>A number known during the build, as a tensor without dimensions. Arithmetic takes it as a literal.</summary>
internal sealed class ConstantOp : OpDefinition
{
    public override string Name => "constant";

    public override FusionKind Fusion => FusionKind.Elementwise;

    public override string NotDifferentiable => "it has no operands";

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override EquatableArray<TensorType> Infer(OpContext op) => One(TensorType.Scalar(op.Attributes.DType("dtype")));

    public override string EmitCSharp(CSharpContext c) => $"TensorOps.Constant({Invariant.Text(c.Attributes.Double("value"))}, {c.Result().DType.Torch()}, device)";

    public override string NotExportable => "it is written as an initialiser of the node that uses it";

    public override string? ExportProblem(OpContext op) => null;
}
