using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Numerics;

/// <summary>Reports <c>a / sqrt(b)</c> on tensors.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG5004_DividedBySquareRoot() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.DividedBySquareRoot,
        "A division by a square root",
        "The quotient by sqrt(b) makes a tensor for the root and divides; multiply with rsqrt(b) instead",
        RuleCategories.Numerics,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "a / sqrt(b) computes and keeps the root, then divides. a * rsqrt(b) has the same operands and multiplies, which is cheaper.",
        RuleIds.HelpLink(RuleIds.DividedBySquareRoot));

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

    /// <summary>The a and b of <c>a / sqrt(b)</c>; a is null when it is the number 1.</summary>
    internal static (IOperation? Dividend, IOperation Radicand)? Match(IOperation operation, TorchSharpContext torch) =>
        TensorCalls.Operands(operation, BinaryOperatorKind.Divide, torch) is { } quotient
        && TensorCalls.Of(quotient.Right, "sqrt", torch) is { } root
            ? (TensorCalls.Number(quotient.Left) == 1 ? null : quotient.Left, root.Input)
            : null;
}
