using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports <c>GC.Collect()</c> at every turn of a training loop.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1013_CollectionInTrainingLoop() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.CollectionInTrainingLoop,
        "The garbage collector is run at every training step",
        "This stops all threads at every step to find tensors that a dispose scope would free at once; begin the loop's body with 'using var scope = torch.NewDisposeScope();'",
        RuleCategories.Memory,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "GC.Collect looks through all managed objects of the process, and the finalizers that free the tensors run only after it, on another thread.",
        RuleIds.HelpLink(RuleIds.CollectionInTrainingLoop));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (call.TargetMethod is { Name: "Collect", ContainingType: { Name: "GC", ContainingNamespace.Name: "System" } }
                    && call.TrainingLoop(torch) is { } loop && call.RunsEveryTurn(loop))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation()));
                }
            },
            calls: ["Collect"],
            inCallersOf: ["backward"]);
}
