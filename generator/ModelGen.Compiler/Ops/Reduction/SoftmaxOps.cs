using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;

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
        g.Set(0, () =>
        {
            long[] axis = [g.Attributes.Int("axis")];
            if (logarithm)
            {
                int total = g.Graph.Sum(g.Grad, axis, keep: true);
                return g.Graph.Minus(g.Grad, g.Graph.Times(g.Graph.Unary("exp", g.Output()), total));
            }

            int weighted = g.Graph.Sum(g.Graph.Times(g.Grad, g.Output()), axis, keep: true);
            return g.Graph.Times(g.Output(), g.Graph.Minus(g.Grad, weighted));
        });

    public override string EmitCSharp(CSharpContext c) => $"F.{Name}({c[0]}, {Invariant.Text(c.Attributes.Int("axis"))})";

    public override void EmitOnnx(OnnxContext c) => c.Node(logarithm ? "LogSoftmax" : "Softmax", [c.Input(0)], OnnxContext.Int("axis", c.Attributes.Int("axis")));

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => op[0].Count * 12;
}
