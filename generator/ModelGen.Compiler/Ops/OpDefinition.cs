using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>How an operator takes part in fusion, as in TVM's operator patterns.</summary>
internal enum FusionKind
{
    /// <summary>Each output element depends on the operand elements at its place.</summary>
    Elementwise,

    /// <summary>Moves elements without computing.</summary>
    Injective,

    /// <summary>Combines elements along dimensions.</summary>
    Reduction,

    /// <summary>Heavy computation that elementwise neighbours fold into.</summary>
    Anchor,

    /// <summary>Never fused.</summary>
    Opaque,
}

/// <summary>What integer inference does with an operator.</summary>
internal enum QuantizationRule
{
    /// <summary>Has an integer kernel with its own output range.</summary>
    Integer,

    /// <summary>Moves integers: input and output share one range.</summary>
    SameRange,

    /// <summary>Computed in floating point.</summary>
    Float,

    /// <summary>Does not occur in inference.</summary>
    TrainingOnly,
}

/// <summary>
/// One operator with everything the compiler knows about it: type rule, gradient, C# and ONNX forms, cost, fusion and memory behaviour, quantization.
/// </summary>
internal abstract class OpDefinition
{
    /// <summary>Name in graphs, snake_case.</summary>
    public abstract string Name { get; }

    public abstract FusionKind Fusion { get; }

    /// <summary>Why the operator has no gradient; null when <see cref="Differentiate"/> gives it.</summary>
    public virtual string? NotDifferentiable => null;

    /// <summary>Why the operator has no ONNX form; null when <see cref="EmitOnnx"/> writes it.</summary>
    public virtual string? NotExportable => null;

    /// <summary>Why a use of the operator in a model cannot be exported; null when it can.</summary>
    public virtual string? ExportProblem(OpContext op) => NotExportable is { } reason ? $"{Name} has no ONNX form: {reason}" : null;

    public abstract QuantizationRule Quantization { get; }

    /// <summary>The operand whose memory the result may share, or -1 when the result is always new.</summary>
    public virtual int ViewOf => -1;

    /// <summary>How many results the C# expression gives; fewer than the node has when it leaves out unread ones at the end.</summary>
    public virtual int EmittedResults(CSharpContext c, int results) => results;

    /// <summary>Whether the C# expression gives an array of results instead of one result or a tuple.</summary>
    public virtual bool ReturnsArray => false;

    /// <summary>Changes something outside its results, so it is never removed as dead.</summary>
    public virtual bool HasSideEffect => false;

    /// <summary>The result types.</summary>
    /// <exception cref="OpException">The operands do not fit.</exception>
    public abstract EquatableArray<TensorType> Infer(OpContext op);

    /// <summary>Adds the nodes of the operand gradients. The default runs the operator again under the library's autograd; operators on hot paths state their rule.</summary>
    public virtual void Differentiate(GradientContext g)
    {
        if (NotDifferentiable is null)
        {
            g.ThroughAutograd();
        }
        else
        {
            throw new NotSupportedException(Name + ": " + NotDifferentiable);
        }
    }

    /// <summary>The C# expression of the result; of a tuple of them for several results.</summary>
    public abstract string EmitCSharp(CSharpContext c);

    /// <summary>The expression over vectors of an elementwise operator; null for others and where there is none.</summary>
    public virtual Func<PointwiseContext, string>? Pointwise => null;

    /// <summary>Whether the kernel can finish its result with elementwise operators while it is in the cache.</summary>
    public virtual bool TakesEpilogue => false;

    /// <summary>Writes the calls of the operator's kernel; false when there is none for these operands and libtorch's operator runs instead.</summary>
    public virtual bool Lower(KernelContext k) => false;

    /// <summary>Writes the calls of the gradient's kernel for an operator without a rule, whose operands are those of <c>vjp</c>; false when there is none.</summary>
    public virtual bool LowerGradient(KernelContext k) => false;

    /// <summary>Writes the ONNX nodes.</summary>
    public virtual void EmitOnnx(OnnxContext c) => throw new NotSupportedException(Name + ": " + NotExportable);

    /// <summary>Floating-point operations, a multiply-add counted as two.</summary>
    public virtual Dim Flops(OpContext op, EquatableArray<TensorType> results) => Dim.Zero;

    protected static EquatableArray<TensorType> One(TensorType type) => new[] { type };
}
