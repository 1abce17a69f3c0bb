using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Ops;

/// <summary>
/// A tensor whose values exist only at run time: an initial weight, a random tensor of a constructor. It carries shape and type through evaluation; a model
/// whose outputs depend on one is refused.
/// </summary>
internal sealed class OpaqueOp : OpDefinition
{
    public override string Name => "opaque";

    public override FusionKind Fusion => FusionKind.Opaque;

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public override string NotDifferentiable => "it has no operands";

    public override string NotExportable => "it never reaches code generation";

    public override EquatableArray<TensorType> Infer(OpContext op) => One(new TensorType(op.Attributes.DType("dtype"), op.Attributes.Dims("shape")));

    public override string EmitCSharp(CSharpContext c) => throw new InvalidOperationException("A tensor without known values reached code generation.");
}
