using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers.Rules.Numerics;

/// <summary>Reports <c>log(softmax(x))</c> and <c>log(sigmoid(x))</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG5008_LogOfActivation() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.LogOfActivation,
        "The logarithm of softmax or sigmoid",
        "The logarithm of {0} is minus infinity as soon as {0} rounds to 0; use {1}",
        RuleCategories.Numerics,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "softmax and sigmoid round small probabilities to 0, whose logarithm is minus infinity and whose gradient is NaN. log_softmax and logsigmoid compute the logarithm without the detour.",
        RuleIds.HelpLink(RuleIds.LogOfActivation));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                if (Match(operation.Operation, torch) is { } activation)
                {
                    operation.ReportDiagnostic(Diagnostic.Create(
                        Rule, operation.Operation.Syntax.GetLocation(), activation.Name, activation.Name == "softmax" ? "log_softmax" : "logsigmoid"));
                }
            },
            calls: ["log"]);

    /// <summary>The activation under the logarithm.</summary>
    internal static TensorCall? Match(IOperation operation, TorchSharpContext torch) =>
        TensorCalls.Of(operation, "log", torch) is { } log && TensorCalls.Of(log.Input.Resolve(), torch) is { Name: "softmax" or "sigmoid" } activation
            ? activation
            : null;
}
