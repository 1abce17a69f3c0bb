using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Autograd;

/// <summary>Reports clipping after the step or before the backward pass.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG3006_ClippedTooLate() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.ClippedTooLate,
        "Gradients are clipped where it has no effect",
        "The gradients {0} here, so clipping them changes nothing; clip between backward() and step()",
        RuleCategories.Autograd,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "Clipping changes the gradients that the next step uses. After the step, or on gradients that were cleared, it is work for nothing, and the steps are not clipped.",
        RuleIds.HelpLink(RuleIds.ClippedTooLate));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnMembers((block, _) =>
        {
            foreach (IOperation body in block.OperationBlocks)
            {
                List<IInvocationOperation> calls = body is IBlockOperation ? [.. body.Descendants().OfType<IInvocationOperation>()] : [];
                if (calls.Any(call => torch.IsGradientClipping(call.TargetMethod) && !GradientFlow.FollowsBackward(call, torch))
                    && OnlyOptimizer(calls, torch) is { } optimizer
                    && calls.Any(call => call.TargetMethod.Name == "zero_grad"))
                {
                    GradientFlow.Visit(body, torch, block.GetControlFlowGraph, (call, events) =>
                    {
                        if (torch.IsGradientClipping(call.TargetMethod) && events.TryGetValue(optimizer, out GradientEvent last))
                        {
                            block.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation(), last == GradientEvent.Used ? "were used by the step already" : "are cleared"));
                        }
                    });
                }
            }
        },
        inCallersOf: ["clip_grad_norm_", "clip_grad_value_"]);

    /// <summary>The optimizer of a method that steps with only one; with several it is not certain whose gradients are clipped.</summary>
    private static ISymbol? OnlyOptimizer(List<IInvocationOperation> calls, TorchSharpContext torch)
    {
        var stepping = new HashSet<ISymbol?>(calls.Where(call => GradientFlow.IsStep(call, torch)).Select(call => call.Instance.NamedVariable()), SymbolEqualityComparer.Default);
        return stepping.Count == 1 ? stepping.Single() : null;
    }
}
