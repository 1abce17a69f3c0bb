using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>Softmax or its logarithm along <c>axis</c>.</summary>
internal sealed class SoftmaxOp(bool logarithm) : OpDefinition
{
    public override string Name => logarithm ? "log_softmax" : "softmax";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => logarithm ? QuantizationRule.Float : QuantizationRule.Integer;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        OpContext.RequireFloat(Name, op[0]);
        _ = OpContext.Axis(Name, op.Attributes.Int("axis"), op[0].Rank);
        return One(op[0]);
    }

    public override void Differentiate(GradientContext g) =>
        g.Set(0, () => g.Graph.AddNode(Name + "_backward", new[] { g.Grad, g.Output() }, g.Attributes)[0]);

    /// <summary>In the order of the operand, whose dimensions before and behind the axis lie together in all usual ones.</summary>
    public override bool Lower(KernelContext k) => SoftmaxLowering.Call(k, 1, operands => $"Softmax<V>.{(logarithm ? "Logarithm" : "Forward")}({operands}");

    public override string EmitCSharp(CSharpContext c) => $"F.{Name}({c[0]}, {Invariant.Text(c.Attributes.Int("axis"))})";

    public override void EmitOnnx(OnnxContext c) => c.Node(logarithm ? "LogSoftmax" : "Softmax", [c.Input(0)], OnnxContext.Int("axis", c.Attributes.Int("axis")));

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => op[0].Count * 12;
}

/// <summary>Gradient of the softmax or of its logarithm: operands are the gradient of the result and the result.</summary>
internal sealed class SoftmaxBackwardOp(bool logarithm) : OpDefinition
{
    public override string Name => logarithm ? "log_softmax_backward" : "softmax_backward";

    public override FusionKind Fusion => FusionKind.Reduction;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "second derivatives are not needed for training";

    public override string NotExportable => "only gradients use it";

    public override EquatableArray<TensorType> Infer(OpContext op) => One(op[1]);

    public override bool Lower(KernelContext k) => SoftmaxLowering.Call(k, 2, operands => $"Softmax<V>.{(logarithm ? "LogarithmBackward" : "Backward")}({operands}");

    public override string EmitCSharp(CSharpContext c) => $"TensorOps.{(logarithm ? "LogSoftmaxBackward" : "SoftmaxBackward")}({c[0]}, {c[1]}, {Invariant.Text(c.Attributes.Int("axis"))})";

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => op[1].Count * 5;
}

/// <summary>How softmax and its gradient call their kernels.</summary>
internal static class SoftmaxLowering
{
    /// <summary>Writes the call; all tensors lie in the order of the last operand.</summary>
    /// <param name="k">The operator.</param>
    /// <param name="operands">How many operands there are.</param>
    /// <param name="call">The call up to its operands.</param>
    public static bool Call(KernelContext k, int operands, Func<string, string> call)
    {
        if (k.Type(0).DType != DType.Float32)
        {
            return false;
        }

        Place last = k.Operand(operands - 1);
        EquatableArray<long> order = LoopNest.OrderOf(last);
        order = last.IsDense(order) ? order : Place.Identity(last.Shape.Count);
        string[] read = [.. Enumerable.Range(0, operands).Select(index => k.Read(k.OrderedOperand(index, order)))];
        EquatableArray<Dim> sizes = order.Select(axis => last.Shape[(int)axis]).ToEquatableArray();
        long position = order.ToList().IndexOf(OpContext.Axis("softmax", k.Attributes.Int("axis"), order.Count));
        k.Emit(call($"{string.Join(", ", read)}, {ReductionLowering.Around(sizes, position)}, {k.Write(k.Result(0, order))});"));
        return true;
    }
}
