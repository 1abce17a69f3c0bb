using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers.Rules.Numerics;

/// <summary>Reports <c>nll_loss(softmax(x), y)</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG5010_LikelihoodOfProbabilities() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.LikelihoodOfProbabilities,
        "The negative log likelihood gets probabilities",
        "nll_loss expects log probabilities, but gets the result of softmax; use log_softmax",
        RuleCategories.Numerics,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "nll_loss picks the entry of the target and negates it: of log probabilities that is the likelihood, of probabilities it is a number between -1 and 0 that means nothing.",
        RuleIds.HelpLink(RuleIds.LikelihoodOfProbabilities));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                if (LossCalls.Of(operation.Operation, torch) is { Name: "nll_loss" } loss && TensorCalls.Of(loss.Input.Resolve(), "softmax", torch) is not null)
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, loss.Input.Syntax.GetLocation()));
                }
            },
            calls: ["nll_loss", "forward", "call"]);
}
