using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>
/// An operator that is the library's own: a type rule, a C# call and an ONNX form; its gradient comes from the library's autograd unless a rule is stated.
/// Members of such families are rows of a table rather than classes.
/// </summary>
internal sealed class LibraryOp(string name, Func<OpContext, EquatableArray<TensorType>> infer, Func<CSharpContext, string> csharp) : OpDefinition
{
    public override string Name => name;

    public override FusionKind Fusion => Kind;

    public override QuantizationRule Quantization => Rule;

    public override string? NotDifferentiable => NoGradient;

    public override string? NotExportable => Onnx is null ? NoOnnx ?? throw new InvalidOperationException(name + " has neither an ONNX form nor a reason") : null;

    /// <summary>How the operator takes part in fusion; opaque unless stated.</summary>
    public FusionKind Kind { get; init; } = FusionKind.Opaque;

    /// <summary>What integer inference does with it; floating point unless stated.</summary>
    public QuantizationRule Rule { get; init; } = QuantizationRule.Float;

    /// <summary>Writes the calls of a kernel; null when there is none.</summary>
    public Func<KernelContext, bool>? Kernel { get; init; }

    /// <summary>Writes the calls of the gradient's kernel, whose operands are those of <c>vjp</c>; null when there is none.</summary>
    public Func<KernelContext, bool>? KernelGradient { get; init; }

    /// <summary>Adds the nodes of the operand gradients; null where the library's autograd gives them.</summary>
    public Action<GradientContext>? Gradient { get; init; }

    /// <summary>Why there is no gradient; null when there is.</summary>
    public string? NoGradient { get; init; }

    /// <summary>Writes the ONNX nodes; null when there is a reason not to.</summary>
    public Action<OnnxContext>? Onnx { get; init; }

    /// <summary>Why there is no ONNX form.</summary>
    public string? NoOnnx { get; init; }

    /// <summary>Why a particular use has no ONNX form; null when all have one.</summary>
    public Func<OpContext, string?>? OnnxProblem { get; init; }

    /// <summary>Floating-point operations per element of the first result.</summary>
    public Func<OpContext, Dim>? OperationsPerElement { get; init; }

    public override EquatableArray<TensorType> Infer(OpContext op) => infer(op);

    public override Func<PointwiseContext, string>? Pointwise => VectorForms.Of(name);

    public override void Differentiate(GradientContext g)
    {
        if (Gradient is null)
        {
            base.Differentiate(g);
        }
        else
        {
            Gradient(g);
        }
    }

    public override string EmitCSharp(CSharpContext c) => csharp(c);

    public override bool Lower(KernelContext k) => Kernel is not null && Kernel(k);

    public override bool LowerGradient(KernelContext k) => KernelGradient is not null && KernelGradient(k);

    public override void EmitOnnx(OnnxContext c)
    {
        if (Onnx is null)
        {
            base.EmitOnnx(c);
        }
        else
        {
            Onnx(c);
        }
    }

    public override string? ExportProblem(OpContext op) => OnnxProblem?.Invoke(op) ?? base.ExportProblem(op);

    public override Dim Flops(OpContext op, EquatableArray<TensorType> results) => OperationsPerElement is null ? Dim.Zero : results[0].Count * OperationsPerElement(op);
}
