using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Numerics;

/// <summary>Reports <c>kl_div</c> and <c>KLDivLoss</c> without a stated <c>log_target</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG5007_KlTargetSpaceNotStated() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.KlTargetSpaceNotStated,
        "A KL divergence leaves log_target to its default",
        "log_target is true by default here, the opposite of PyTorch; state it",
        RuleCategories.Numerics,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "TorchSharp's default for log_target is the opposite of PyTorch's, so that a reader who knows PyTorch reads the call wrongly and code that is moved over computes something else.",
        RuleIds.HelpLink(RuleIds.KlTargetSpaceNotStated));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if ((torch.IsFunctional(call.TargetMethod) || torch.IsLayerFactory(call.TargetMethod))
                    && call.Arguments.FirstOrDefault(argument => argument.Parameter?.Name == "log_target") is { ArgumentKind: ArgumentKind.DefaultValue, Value.ConstantValue: { HasValue: true, Value: true } }
                    && !(LossCalls.Of(call, torch) is { } loss && MG5006_KlDivergenceOfProbabilities.AreProbabilities(loss.Target, torch)))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation()));
                }
            },
            torchCalls: true);
}
