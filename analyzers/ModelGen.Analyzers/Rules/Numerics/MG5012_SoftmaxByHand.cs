using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Numerics;

/// <summary>Reports <c>exp(x) / sum(exp(x))</c> without a subtracted maximum.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG5012_SoftmaxByHand() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.SoftmaxByHand,
        "A softmax written by hand",
        "exp(x) / sum(exp(x)) is NaN as soon as one x exceeds about 88 in float32; use softmax",
        RuleCategories.Numerics,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "exp overflows to infinity, and infinity divided by infinity is NaN. softmax subtracts the maximum first.",
        RuleIds.HelpLink(RuleIds.SoftmaxByHand));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                if (Match(operation.Operation, torch) is not null)
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, operation.Operation.Syntax.GetLocation()));
                }
            },
            calls: ["div"],
            kinds: [OperationKind.Binary]);

    /// <summary>The quotient of exponentials, unless the maximum is subtracted before.</summary>
    internal static TensorCall? Match(IOperation operation, TorchSharpContext torch) =>
        TensorCalls.Operands(operation, BinaryOperatorKind.Divide, torch) is { } quotient
        && TensorCalls.Of(quotient.Left.Resolve(), "exp", torch) is { } exp
        && TensorCalls.Of(quotient.Right.Resolve(), "sum", torch) is { } sum
        && TensorCalls.Of(sum.Input.Resolve(), "exp", torch) is { } summed
        && (summed.Call == exp.Call || TensorCalls.SameValue(exp.Call, summed.Call, torch))
        && TensorCalls.Operands(exp.Input.Resolve(), BinaryOperatorKind.Subtract, torch) is null
            ? exp
            : null;
}
