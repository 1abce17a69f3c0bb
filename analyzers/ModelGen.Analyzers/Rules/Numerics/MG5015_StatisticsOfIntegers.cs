using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers.Rules.Numerics;

/// <summary>Reports <c>(a == b).mean()</c> and the like.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG5015_StatisticsOfIntegers() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.StatisticsOfIntegers,
        "A mean, deviation or softmax of whole numbers",
        "'{0}' throws for tensors of type {1}; convert to a floating point type first",
        RuleCategories.Numerics,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "mean, std, var, softmax and log_softmax are defined for floating point tensors only and throw for whole numbers and truth values.",
        RuleIds.HelpLink(RuleIds.StatisticsOfIntegers));

    private static readonly HashSet<string> s_functions = ["mean", "std", "var", "softmax", "log_softmax"];

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                if (TensorCalls.Of(operation.Operation, torch) is { } call && s_functions.Contains(call.Name)
                    && call.Argument("type") is null && call.Argument("dtype") is null
                    && TensorElementTypes.Of(call.Input, torch) is var type && type.IsIntegral())
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, operation.Operation.Syntax.GetLocation(), call.Name, type));
                }
            },
            calls: [.. s_functions, "forward", "call"]);
}
