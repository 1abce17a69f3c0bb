using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>
/// Operators over the operands of fake quantization, elementwise and broadcast: numbers, scale, smallest and largest integer counted from the one that stands for 0, in this order and behind
/// the gradient of the result where there is one.
/// </summary>
internal abstract class FakeQuantizationOp(string kernel, int first) : OpDefinition
{
    public override FusionKind Fusion => FusionKind.Elementwise;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotExportable => "the exporter's quantizer writes QuantizeLinear and DequantizeLinear";

    public override Func<PointwiseContext, string>? Pointwise => c =>
        $"FakeQuantize.{kernel}({string.Join(", ", Enumerable.Range(0, first + 4).Select(index => c[index]))})";

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        TensorType x = op[first];
        OpContext.RequireFloat(Name, x);
        EquatableArray<Dim> shape = op.Inputs.Aggregate(x.Shape, (shape, operand) => OpContext.Broadcast(Name, shape, operand!.Shape));
        return shape.Equals(x.Shape) && op.Inputs.All(type => type!.DType == x.DType)
            ? One(x)
            : throw new OpException($"{Name}: scale {op[first + 1]} and range {op[first + 2]}..{op[first + 3]} do not fit the numbers {x}");
    }

    public override string EmitCSharp(CSharpContext c)
    {
        string library = kernel == "Value" ? "FakeQuantize" : "FakeQuantize" + kernel;
        return $"TensorOps.{library}({string.Join(", ", Enumerable.Range(0, first + 4).Select(index => c[index]))})";
    }

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * 5;
}

/// <summary>
/// Numbers rounded to those that an integer stands for, as they will be in the integer model; as they are where the scale is 0. The scale has a gradient where the attribute
/// <c>scale_factor</c> says by what to multiply it.
/// </summary>
internal sealed class FakeQuantizeOp() : FakeQuantizationOp("Value", 0)
{
    public override string Name => "fake_quantize";

    public override void Differentiate(GradientContext g)
    {
        int Slopes(string op) => g.Graph.Add(op, [g.Grad, g.Input(0), g.Input(1), g.Input(2), g.Input(3)]);
        g.Set(0, () => Slopes("fake_quantize_backward"));
        if (g.Attributes.Has("scale_factor"))
        {
            g.Set(1, () => g.Graph.Times(g.Graph.Add("sum_to", [Slopes("fake_quantize_scale_backward")], ("shape", g.TypeOf(g.Input(1)).Shape)), g.Attributes.Double("scale_factor")));
        }
    }
}

/// <summary>The gradient of the numbers: the clipped straight-through estimator.</summary>
internal sealed class FakeQuantizeBackwardOp() : FakeQuantizationOp("Gradient", 1)
{
    public override string Name => "fake_quantize_backward";

    public override string NotDifferentiable => "second derivatives are not needed for training";
}

/// <summary>What each number adds to the gradient of the scale, by Esser et al., arXiv:1902.08153.</summary>
internal sealed class FakeQuantizeScaleBackwardOp() : FakeQuantizationOp("ScaleGradient", 1)
{
    public override string Name => "fake_quantize_scale_backward";

    public override string NotDifferentiable => "second derivatives are not needed for training";
}

/// <summary>
/// Operators over what learned scales are made of, elementwise: the learned factor, the scale of the calibration, the largest scale, and by what the gradient is multiplied; behind the gradient
/// of the result where there is one.
/// </summary>
internal abstract class LearnedScaleOperation(string kernel, params int[] operands) : OpDefinition
{
    public override FusionKind Fusion => FusionKind.Elementwise;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotExportable => "the exporter's quantizer takes the scales as numbers";

    public override Func<PointwiseContext, string>? Pointwise => c => $"FakeQuantize.{kernel}({string.Join(", ", operands.Select(index => c[index]))})";

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        OpContext.RequireFloat(Name, op[0]);
        return op.Inputs.All(type => type!.Equals(op[0])) ? One(op[0]) : throw new OpException($"{Name}: operands must be of one type, got {string.Join(", ", op.Inputs.AsEnumerable())}");
    }

    public override string EmitCSharp(CSharpContext c) => $"TensorOps.FakeQuantize{kernel}({string.Join(", ", operands.Select(index => c[index]))})";
}

/// <summary>Learned scales.</summary>
internal sealed class LearnedScaleOp() : LearnedScaleOperation("LearnedScale", 0, 1, 2)
{
    public override string Name => "learned_scale";

    public override void Differentiate(GradientContext g) => g.Set(0, () => g.Graph.Add("learned_scale_backward", [g.Grad, g.Input(0), g.Input(1), g.Input(2), g.Input(3)]));
}

/// <summary>The gradient of the factors.</summary>
internal sealed class LearnedScaleBackwardOp() : LearnedScaleOperation("LearnedScaleGradient", 0, 1, 2, 3, 4)
{
    public override string Name => "learned_scale_backward";

    public override string NotDifferentiable => "second derivatives are not needed for training";
}
