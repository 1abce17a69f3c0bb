using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>Writes a parameter's gradient to its place in the flat gradient buffer (attribute <c>index</c>: the parameter's number).</summary>
internal sealed class StoreGradientOp : OpDefinition
{
    public override string Name => "store_gradient";

    public override FusionKind Fusion => FusionKind.Opaque;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "it has no results";

    public override string NotExportable => "only the training step uses it";

    public override bool HasSideEffect => true;

    public override EquatableArray<TensorType> Infer(OpContext op) => default;

    public override string EmitCSharp(CSharpContext c) => $"TensorOps.Store({c[0]}, Gradients[{Invariant.Text(c.Attributes.Int("index"))}])";
}

/// <summary>Updates all parameters from the flat gradient buffer.</summary>
internal sealed class OptimizerStepOp : OpDefinition
{
    public override string Name => "optimizer_step";

    public override FusionKind Fusion => FusionKind.Opaque;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "it has no results";

    public override string NotExportable => "only the training step uses it";

    public override bool HasSideEffect => true;

    public override EquatableArray<TensorType> Infer(OpContext op) => default;

    public override string EmitCSharp(CSharpContext c) => "Update()";

    public override bool Lower(KernelContext k)
    {
        k.Emit("Update();");
        return true;
    }
}
