using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>Comparison of two broadcast operands; the result is boolean.</summary>
internal sealed class ComparisonOp(string name, string kernel, string onnx) : OpDefinition
{
    public override string Name => name;

    public override FusionKind Fusion => FusionKind.Elementwise;

    public override Func<PointwiseContext, string>? Pointwise => VectorForms.Of(name);

    public override string NotDifferentiable => "its result is boolean";

    public override QuantizationRule Quantization => QuantizationRule.Float;

    public static IEnumerable<OpDefinition> All() =>
    [
        new ComparisonOp("gt", "Greater", "Greater"),
        new ComparisonOp("ge", "GreaterOrEqual", "GreaterOrEqual"),
        new ComparisonOp("lt", "Less", "Less"),
        new ComparisonOp("le", "LessOrEqual", "LessOrEqual"),
        new ComparisonOp("eq", "Equal", "Equal"),
        new ComparisonOp("ne", "NotEqual", "Not"),
    ];

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        if (op[0].DType != op[1].DType)
        {
            throw new OpException($"{name}: operands are {op[0]} and {op[1]}; convert one of them with .to(...)");
        }

        return One(new TensorType(DType.Bool, OpContext.Broadcast(name, op[0].Shape, op[1].Shape)));
    }

    public override bool Lower(KernelContext k) => IntegerLowering.Binary(k, name);

    public override string EmitCSharp(CSharpContext c) =>
        c.Scalar(1) is string right ? $"TensorOps.{kernel}({c[0]}, {right})" : $"{c[0]}.{name}({c[1]})";

    public override void EmitOnnx(OnnxContext c)
    {
        if (name == "ne")
        {
            c.Node("Not", [c.Intermediate("Equal", [c.Input(0), c.Input(1)], c.Result())]);
        }
        else
        {
            c.Node(onnx, [c.Input(0), c.Input(1)]);
        }
    }
}
