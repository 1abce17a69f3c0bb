using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Numerics;

/// <summary>Reports probabilities given to <c>kl_div</c> where it takes logarithms.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG5006_KlDivergenceOfProbabilities() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.KlDivergenceOfProbabilities,
        "A KL divergence gets probabilities where it expects logarithms",
        "kl_div expects the logarithm of the {0} here, but gets probabilities; {1}",
        RuleCategories.Numerics,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "The input of kl_div is always a logarithm of probabilities. Its target is one too unless log_target is false, and in TorchSharp log_target is true by default, the opposite of PyTorch.",
        RuleIds.HelpLink(RuleIds.KlDivergenceOfProbabilities));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                if (LossCalls.Of(operation.Operation, torch) is not { Name: "kl_div" } loss)
                {
                    return;
                }

                if (AreProbabilities(loss.Input, torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, loss.Input.Syntax.GetLocation(), "input", "use log_softmax"));
                }

                if (AreProbabilities(loss.Target, torch) && loss.HasKnownSettings && IsLogTarget(loss))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, loss.Target.Syntax.GetLocation(), "target", "pass 'log_target: false'"));
                }
            },
            calls: ["kl_div", "forward", "call"]);

    /// <summary>True for softmax and sigmoid, also when a local holds them.</summary>
    internal static bool AreProbabilities(IOperation value, TorchSharpContext torch) =>
        TensorCalls.Of(value.Resolve(), torch) is { Name: "softmax" or "sigmoid" };

    /// <summary>True when log_target is true: written, or by the default of the TorchSharp that is referenced.</summary>
    private static bool IsLogTarget(LossCall loss) => loss.Setting("log_target") is { } written
        ? written.ConstantValue is { HasValue: true, Value: true }
        : ((loss.Call.Instance?.Resolve() ?? loss.Call) as IInvocationOperation)?.TargetMethod.Parameters
            .Any(parameter => parameter.Name == "log_target" && parameter is { HasExplicitDefaultValue: true, ExplicitDefaultValue: true }) == true;
}
