using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Numerics;

/// <summary>Reports <c>1 / (1 + exp(-x))</c> and <c>log(1 + exp(x))</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG5014_ActivationByHand() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.ActivationByHand,
        "A sigmoid or softplus written by hand",
        "{0} overflows in exp; use {1}",
        RuleCategories.Numerics,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "exp overflows for an argument beyond about 88 in float32. The value of a sigmoid written so survives, but its gradient is NaN; a softplus written so is infinite.",
        RuleIds.HelpLink(RuleIds.ActivationByHand));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                if (Match(operation.Operation, torch) is { } match)
                {
                    operation.ReportDiagnostic(Diagnostic.Create(
                        Rule,
                        operation.Operation.Syntax.GetLocation(),
                        match.IsSigmoid ? "1 / (1 + exp(-x))" : "log(1 + exp(x))",
                        match.IsSigmoid ? "sigmoid" : "softplus"));
                }
            },
            calls: ["div", "log", "log1p"],
            kinds: [OperationKind.Binary]);

    /// <summary>The x, and which of the two functions it is.</summary>
    internal static (IOperation Input, bool IsSigmoid)? Match(IOperation operation, TorchSharpContext torch)
    {
        if (TensorCalls.Operands(operation, BinaryOperatorKind.Divide, torch) is { } quotient)
        {
            return TensorCalls.Number(quotient.Left) == 1
                && TensorCalls.OtherAddend(quotient.Right, 1, torch) is { } addend
                && TensorCalls.Negated(TensorCalls.Of(addend, "exp", torch)?.Input, torch) is { } x
                    ? (x, true)
                    : null;
        }

        return TensorCalls.Of(operation, torch) is { Name: "log" or "log1p" } log
            && TensorCalls.Of(log.Name == "log" ? TensorCalls.OtherAddend(log.Input, 1, torch) : log.Input, "exp", torch) is { } exp
            && TensorCalls.Negated(exp.Input, torch) is null
                ? (exp.Input, false)
                : null;
    }
}
