using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>
/// Operators over the operands of fake quantization, elementwise and broadcast: numbers, scale, zero point, in this order and behind the gradient of the result where there is one.
/// Attributes: <c>low</c> and <c>high</c>, the smallest and largest integer.
/// </summary>
internal abstract class FakeQuantizationOp(string kernel, int first) : OpDefinition
{
    public override FusionKind Fusion => FusionKind.Elementwise;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotExportable => "the exporter's quantizer writes QuantizeLinear and DequantizeLinear";

    public override Func<PointwiseContext, string>? Pointwise => c =>
        $"FakeQuantize.{kernel}({string.Join(", ", Enumerable.Range(0, first + 3).Select(index => c[index]))}, {PointwiseContext.Number(c.Attributes.Double("low"))}, {PointwiseContext.Number(c.Attributes.Double("high"))})";

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        TensorType x = op[first];
        OpContext.RequireFloat(Name, x);
        EquatableArray<Dim> shape = OpContext.Broadcast(Name, x.Shape, OpContext.Broadcast(Name, op[first + 1].Shape, op[first + 2].Shape));
        return shape.Equals(x.Shape) && op.Inputs.All(type => type!.DType == x.DType)
            ? One(x)
            : throw new OpException($"{Name}: scale {op[first + 1]} and zero point {op[first + 2]} do not fit the numbers {x}");
    }

    public override string EmitCSharp(CSharpContext c)
    {
        string library = kernel == "Value" ? "FakeQuantize" : "FakeQuantize" + kernel;
        return $"TensorOps.{library}({string.Join(", ", Enumerable.Range(0, first + 3).Select(index => c[index]))}, {Invariant.Text(c.Attributes.Double("low"))}, {Invariant.Text(c.Attributes.Double("high"))})";
    }

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * 5;
}

/// <summary>Numbers rounded to those that an integer stands for, as they will be in the integer model; as they are where the scale is 0. The scale has no gradient.</summary>
internal sealed class FakeQuantizeOp() : FakeQuantizationOp("Value", 0)
{
    public override string Name => "fake_quantize";

    public override void Differentiate(GradientContext g) => g.Set(0, () => g.Graph.Add("fake_quantize_backward", [g.Grad, g.Input(0), g.Input(1), g.Input(2)], ("low", g.Attributes.Double("low")), ("high", g.Attributes.Double("high"))));
}

/// <summary>The gradient of the numbers: the clipped straight-through estimator.</summary>
internal sealed class FakeQuantizeBackwardOp() : FakeQuantizationOp("Gradient", 1)
{
    public override string Name => "fake_quantize_backward";

    public override string NotDifferentiable => "second derivatives are not needed for training";
}
