using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>Dropout as the model states it: the identity in inference; a pass replaces it by a random mask in the training step.</summary>
internal sealed class DropoutOp : OpDefinition
{
    public override string Name => "dropout";

    public override FusionKind Fusion => FusionKind.Elementwise;

    public override QuantizationRule Quantization => QuantizationRule.SameRange;

    public override string NotDifferentiable => "training uses dropout_mask and mul";

    public override string NotExportable => "inference drops it";

    public override string? ExportProblem(OpContext op) => op.Attributes.Bool("always") ? "dropout that stays active in evaluation has no ONNX form; pass the module's training flag" : null;

    public override int ViewOf => 0;

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        OpContext.RequireFloat(Name, op[0]);
        double p = op.Attributes.Double("p");
        return p is >= 0 and < 1 ? One(op[0]) : throw new OpException($"dropout probability {Invariant.Text(p)} is outside [0, 1)");
    }

    public override string EmitCSharp(CSharpContext c) => $"{c[0]}.alias()";
}

/// <summary>
/// A random tensor of the attributes <c>shape</c> and <c>dtype</c>: 0 with probability <c>p</c>, 1/(1-p) otherwise. On kernels it comes from Philox. On libtorch, and
/// for comparisons with eager code, it is drawn as PyTorch's CPU dropout draws it, so that the same seed drops the same elements in the eager model.
/// </summary>
internal sealed class DropoutMaskOp : OpDefinition
{
    public override string Name => "dropout_mask";

    public override FusionKind Fusion => FusionKind.Elementwise;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "it has no operands";

    public override string NotExportable => "only the training step uses it";

    public override string? ExportProblem(OpContext op) => "dropout that stays active in evaluation has no ONNX form; pass the module's training flag";

    // It advances the random generator: never merged, and never removed.
    public override bool HasSideEffect => true;

    public override EquatableArray<TensorType> Infer(OpContext op) => One(new TensorType(op.Attributes.DType("dtype"), op.Attributes.Dims("shape")));

    public override string EmitCSharp(CSharpContext c) =>
        $"TensorOps.DropoutMask({CSharpContext.Longs(c.Attributes.Dims("shape"))}, {Invariant.Text(c.Attributes.Double("p"))}, {c.Result().DType.Torch()}, device)";

    public override bool Lower(KernelContext k)
    {
        k.DrawMask();
        return true;
    }

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => results[0].Count * 10;
}
