using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Numerics;

/// <summary>Reports <c>exp(x) - 1</c> on tensors.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG5002_ExpMinusOne() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.ExpMinusOne,
        "exp(x) - 1 loses the small x",
        "exp(x) - 1 rounds a small x away; use expm1(x), which is exact there and makes one tensor less",
        RuleCategories.Numerics,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "exp(x) of a small x is 1 plus something that the type cannot hold, so the difference comes out as 0. expm1 computes it from x itself.",
        RuleIds.HelpLink(RuleIds.ExpMinusOne));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                if (Match(operation.Operation, torch) is not null)
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, operation.Operation.Syntax.GetLocation()));
                }
            },
            calls: ["sub"],
            kinds: [OperationKind.Binary]);

    /// <summary>The x of <c>exp(x) - 1</c>.</summary>
    internal static IOperation? Match(IOperation operation, TorchSharpContext torch) =>
        TensorCalls.Operands(operation, BinaryOperatorKind.Subtract, torch) is { } difference
        && TensorCalls.Number(difference.Right) == 1
            ? TensorCalls.Of(difference.Left, "exp", torch)?.Input
            : null;
}
