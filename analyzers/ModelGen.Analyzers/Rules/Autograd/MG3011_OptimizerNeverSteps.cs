using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Autograd;

/// <summary>Reports a local optimizer that never steps in a method with a backward pass.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG3011_OptimizerNeverSteps() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.OptimizerNeverSteps,
        "An optimizer is made and never steps",
        "'{0}' never steps, so nothing is trained; call '{0}.step()' after the backward pass",
        RuleCategories.Autograd,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "Gradients change nothing by themselves. An optimizer that is created, cleared and never stepped is a forgotten line.",
        RuleIds.HelpLink(RuleIds.OptimizerNeverSteps));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                IOperation creation = operation.Operation;
                if (TrainingFacts.IsOptimizerCreation(creation, torch)
                    && creation.MeaningfulParent() is IVariableInitializerOperation { Parent: IVariableDeclaratorOperation { Symbol: { } optimizer } }
                    && creation.Root() is var root
                    && root.Descendants().OfType<IInvocationOperation>().ToList() is var calls
                    && calls.Any(call => call.TargetMethod.Name == "backward" && torch.IsBackward(call.TargetMethod))
                    && !calls.Any(call => call.TargetMethod.Name == "step" && call.Instance.Names(optimizer))
                    && TrainingFacts.StaysHere(optimizer, root, call => torch.Owns(call.TargetMethod) && torch.IsScheduler(call.Type)))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, creation.Syntax.GetLocation(), optimizer.Name));
                }
            },
            torchCalls: true,
            kinds: [OperationKind.ObjectCreation],
            inCallersOf: ["backward"]);
}
