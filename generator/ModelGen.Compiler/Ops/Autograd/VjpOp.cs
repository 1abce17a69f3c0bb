using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Lowering;

namespace ModelGen.Compiler.Ops;

/// <summary>
/// Vector-Jacobian product of an operator that states no gradient rule: the generated code runs the operator again on detached operands and asks the
/// library's autograd. Operands are the gradients of the results listed in <c>vjp_given</c>, then the operator's own operands.
/// </summary>
internal sealed class VjpOp : OpDefinition
{
    public const string Operator = "vjp_op";
    public const string Wanted = "vjp_wanted";
    public const string Given = "vjp_given";

    public override string Name => "vjp";

    public override FusionKind Fusion => FusionKind.Opaque;

    public override QuantizationRule Quantization => QuantizationRule.TrainingOnly;

    public override string NotDifferentiable => "second derivatives are not needed for training";

    public override string NotExportable => "only gradients use it";

    public override EquatableArray<TensorType> Infer(OpContext op)
    {
        int first = op.Attributes.Ints(Given).Count;
        return op.Attributes.Ints(Wanted).Select(index => op[first + (int)index]).ToEquatableArray();
    }

    public override bool Lower(KernelContext k) => OpRegistry.Get(k.Attributes.String(Operator)).LowerGradient(k);

    public override string EmitCSharp(CSharpContext c)
    {
        EquatableArray<long> given = c.Attributes.Ints(Given);
        OpDefinition forward = OpRegistry.Get(c.Attributes.String(Operator));
        CSharpContext inner = c.Within(forward, given.Count, "x");
        string call = forward.EmitCSharp(inner);
        string body = inner.ResultCount == 1 ? $"[{call}]"
            : forward.ReturnsArray ? call
            : $"{{ var y = {call}; return [{string.Join(", ", Enumerable.Range(1, inner.ResultCount).Select(static index => "y.Item" + Invariant.Text(index)))}]; }}";
        string gradients = string.Join(", ", Enumerable.Range(0, given.Count).Select(index => c[index]));
        string operands = string.Join(", ", Enumerable.Range(given.Count, c.InputCount - given.Count).Select(index => c.Scalar(index) is null ? c[index] : "null"));
        return $"TensorOps.Vjp([{gradients}], {CSharpContext.Longs(given)}, [{operands}], {c.Ints(Wanted)}, x => {body})";
    }

    public override bool ReturnsArray => true;
}
