using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Autograd;

/// <summary>Reports a step that every path reaches straight from <c>zero_grad()</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG3003_StepWithoutGradients() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.StepWithoutGradients,
        "An optimizer steps right after its gradients were cleared",
        "'{0}' was cleared just before and no backward pass lies between, so this step does nothing; the order is zero_grad, backward, step",
        RuleCategories.Autograd,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "A step with gradients that zero_grad() has set to zero, or removed, changes nothing (or, with momentum or weight decay, drifts without looking at the loss).",
        RuleIds.HelpLink(RuleIds.StepWithoutGradients));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnMembers((block, member) =>
        {
            if (!member.CallsAny("zero_grad"))
            {
                return;
            }

            foreach (IOperation body in block.OperationBlocks)
            {
                if (body is IBlockOperation && member.CallsOf("step").Cast<IInvocationOperation>().Any(call => GradientFlow.IsStep(call, torch) && !GradientFlow.FollowsBackward(call, torch)))
                {
                    GradientFlow.Visit(body, torch, block.GetControlFlowGraph, (call, events) =>
                    {
                        if (GradientFlow.IsStep(call, torch) && call.Instance.NamedVariable() is { } optimizer
                            && events.TryGetValue(optimizer, out GradientEvent last) && last == GradientEvent.Cleared)
                        {
                            block.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation(), optimizer.Name));
                        }
                    });
                }
            }
        },
        inCallersOf: ["step"]);
}
