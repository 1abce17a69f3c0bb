using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Numerics;

/// <summary>Reports <c>x == float.NaN</c> and the like on tensors.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG5013_ComparedWithNaN() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.ComparedWithNaN,
        "A tensor is compared with NaN",
        "NaN equals nothing, not even itself, so this comparison is always {0}; use isnan()",
        RuleCategories.Numerics,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "Comparisons with NaN have the same result whatever the tensor holds.",
        RuleIds.HelpLink(RuleIds.ComparedWithNaN));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                if (Match(operation.Operation, torch) is { } comparison)
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, operation.Operation.Syntax.GetLocation(), comparison.Equal ? "false" : "true"));
                }
            },
            calls: ["eq", "ne"],
            kinds: [OperationKind.Binary]);

    /// <summary>The tensor that is compared with NaN, and whether for equality.</summary>
    internal static (IOperation Tensor, bool Equal)? Match(IOperation operation, TorchSharpContext torch) =>
        Compared(TensorCalls.Operands(operation, BinaryOperatorKind.Equals, torch)) is { } equal ? (equal, true)
        : Compared(TensorCalls.Operands(operation, BinaryOperatorKind.NotEquals, torch)) is { } unequal ? (unequal, false)
        : null;

    private static IOperation? Compared((IOperation Left, IOperation Right)? operands) =>
        operands is not { } pair ? null
        : TensorCalls.Number(pair.Right) is double.NaN ? pair.Left
        : TensorCalls.Number(pair.Left) is double.NaN ? pair.Right
        : null;
}
