using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Ops;

/// <summary>Dropout of whole channels, or dropout that keeps mean and variance: the identity in inference; a pass writes the training form.</summary>
internal sealed class FeatureDropoutOp(bool alpha) : OpDefinition
{
    public override string Name => alpha ? "alpha_dropout" : "channel_dropout";

    public override FusionKind Fusion => FusionKind.Elementwise;

    public override QuantizationRule Quantization => QuantizationRule.SameRange;

    public override string NotDifferentiable => "training uses dropout_noise and arithmetic";

    public override string NotExportable => "inference drops it";

    public override string? ExportProblem(OpContext op) => op.Attributes.Bool("always") ? "dropout that stays active in evaluation has no ONNX form; pass the module's training flag" : null;

    public override int ViewOf => 0;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        OpContext.RequireFloat(Name, op[0]);
        double p = op.Attributes.Double("p");
        bool channels = !alpha || op.Attributes.Bool("channels");
        return p is not (>= 0 and < 1) ? throw new OpException($"dropout probability {Invariant.Text(p)} is outside [0, 1)")
            : channels && op[0].Rank < 2 ? throw new OpException($"dropout of channels needs [N, C, ...], got {op[0].ShapeText()}")
            : One(op[0]);
    }

    public override string EmitCSharp(CSharpContext c) => $"{c[0]}.alias()";
}

/// <summary>
/// A random tensor: 0 with probability <c>p</c>, otherwise 1, or 1/(1-p) when <c>scaled</c>; per channel <c>[N, C, 1...]</c> when <c>channels</c>.
/// Drawn as the library draws it, so that the same seed drops the same channels in the eager model.
/// </summary>
internal sealed class DropoutNoiseOp : OpDefinition
{
    public override string Name => "dropout_noise";

    public override FusionKind Fusion => FusionKind.Elementwise;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "it is random and does not depend on its operand's values";

    public override string NotExportable => "only the training step uses it";

    public override string? ExportProblem(OpContext op) => "dropout that stays active in evaluation has no ONNX form; pass the module's training flag";

    // It advances the random generator, so that equal ones are never merged.
    public override bool HasSideEffect => true;

    public override EquatableArray<TensorType> Infer(OpContext op) =>
        One(op.Attributes.Bool("channels") ? op[0].WithShape(op[0].Shape.Select(static (dim, axis) => axis < 2 ? dim : Dim.One)) : op[0]);

    public override string EmitCSharp(CSharpContext c) =>
        $"TensorOps.DropoutNoise({c[0]}, {Invariant.Text(c.Attributes.Double("p"))}, channels: {Invariant.Text(c.Attributes.Bool("channels"))}, scaled: {Invariant.Text(c.Attributes.Bool("scaled"))})";

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * 10;
}
