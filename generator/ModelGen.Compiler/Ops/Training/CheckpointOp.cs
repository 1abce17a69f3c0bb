using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>
/// The first operand, but not before the second is computed: what backward computes again from it can neither run earlier nor be joined with forward.
/// </summary>
internal sealed class CheckpointOp : OpDefinition
{
    public override string Name => "checkpoint";

    public override FusionKind Fusion => FusionKind.Opaque;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "it is added after differentiation";

    public override string NotExportable => "only the training step uses it";

    public override int ViewOf => 0;

    public override EquatableArray<TensorType> Infer(OpContext op) => One(op[0]);

    public override string EmitCSharp(CSharpContext c) => $"{c[0]}.alias()";

    public override bool Lower(KernelContext k)
    {
        k.SetResult(k.Operand(0));
        return true;
    }
}
