using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Autograd;

/// <summary>Reports a local schedule that never steps in a method that trains in a loop.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG3012_SchedulerNeverSteps() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.SchedulerNeverSteps,
        "A learning rate schedule never steps",
        "'{0}' never steps, so the learning rate stays what it was; call '{0}.step()' after the optimizer's step",
        RuleCategories.Autograd,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "A schedule changes the learning rate only in its step().",
        RuleIds.HelpLink(RuleIds.SchedulerNeverSteps));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var creation = (IInvocationOperation)operation.Operation;
                if (torch.Owns(creation.TargetMethod) && creation.TargetMethod.IsStatic && torch.IsScheduler(creation.Type)
                    && creation.MeaningfulParent() is IVariableInitializerOperation { Parent: IVariableDeclaratorOperation { Symbol: { } scheduler } }
                    && creation.Root() is var root
                    && root.Descendants().OfType<IInvocationOperation>().ToList() is var calls
                    && calls.Any(call => GradientFlow.IsStep(call, torch) && call.InnermostLoop() is not null)
                    && !calls.Any(call => call.TargetMethod.Name == "step" && call.Instance.Names(scheduler))
                    && TrainingFacts.StaysHere(scheduler, root, _ => false))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, creation.Syntax.GetLocation(), scheduler.Name));
                }
            },
            torchCalls: true,
            inCallersOf: ["step"]);
}
