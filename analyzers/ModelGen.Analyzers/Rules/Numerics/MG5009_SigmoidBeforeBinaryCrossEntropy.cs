using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers.Rules.Numerics;

/// <summary>Reports <c>binary_cross_entropy(sigmoid(x), y)</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG5009_SigmoidBeforeBinaryCrossEntropy() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.SigmoidBeforeBinaryCrossEntropy,
        "A sigmoid before binary cross entropy",
        "binary cross entropy of a sigmoid saturates; give the raw scores to binary_cross_entropy_with_logits",
        RuleCategories.Numerics,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "The sigmoid rounds to 0 or 1 for large scores. The loss is then clamped and its gradient is 0, just where the model is most wrong. The version with logits has no such limit.",
        RuleIds.HelpLink(RuleIds.SigmoidBeforeBinaryCrossEntropy));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                if (LossCalls.Of(operation.Operation, torch) is { Name: "binary_cross_entropy" } loss
                    && TensorCalls.Of(loss.Input.Resolve(), "sigmoid", torch) is not null)
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, operation.Operation.Syntax.GetLocation()));
                }
            },
            calls: ["binary_cross_entropy", "forward", "call"]);
}
