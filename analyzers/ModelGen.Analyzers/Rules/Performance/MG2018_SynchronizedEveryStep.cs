using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports <c>torch.cuda.synchronize()</c> at every turn of a training loop, in a function that takes no times.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2018_SynchronizedEveryStep() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.SynchronizedEveryStep,
        "The GPU is waited for at every training step",
        "This waits until the GPU has finished the step, and so keeps the next one from being queued; remove it",
        RuleCategories.Performance,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "Operations on a GPU are ordered by themselves. synchronize is needed only to measure times.",
        RuleIds.HelpLink(RuleIds.SynchronizedEveryStep));

    private static readonly HashSet<string> s_clocks = ["Stopwatch", "DateTime", "DateTimeOffset", "Environment", "TimeProvider", "TimeSpan"];

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (call.TargetMethod.Name == "synchronize" && torch.IsCuda(call.TargetMethod) && call.TrainingLoop(torch) is { } loop && call.RunsEveryTurn(loop) && !TakesTimes(call.Root()))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation()));
                }
            },
            calls: ["synchronize"],
            inCallersOf: ["backward"]);

    private static bool TakesTimes(IOperation function) => function.Descendants().Any(operation => operation switch
    {
        IInvocationOperation call => s_clocks.Contains(call.TargetMethod.ContainingType.Name),
        IPropertyReferenceOperation property => s_clocks.Contains(property.Property.ContainingType.Name),
        IObjectCreationOperation creation => creation.Type is { Name: { } name } && s_clocks.Contains(name),
        _ => false,
    });
}
