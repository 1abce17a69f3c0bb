using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Ops;

/// <summary>The operand itself, without a gradient: <c>detach()</c>, and what is computed under <c>no_grad()</c>.</summary>
internal sealed class StopGradientOp : OpDefinition
{
    public override string Name => "stop_gradient";

    public override FusionKind Fusion => FusionKind.Elementwise;

    public override QuantizationRule Quantization => QuantizationRule.SameRange;

    public override string NotDifferentiable => "its purpose is to have no gradient";

    public override int ViewOf => 0;

    public override EquatableArray<TensorType> Infer(OpContext op) => One(op[0]);

    public override string EmitCSharp(CSharpContext c) => $"{c[0]}.alias()";

    public override void EmitOnnx(OnnxContext c) => c.Node("Identity", [c.Input(0)]);
}
