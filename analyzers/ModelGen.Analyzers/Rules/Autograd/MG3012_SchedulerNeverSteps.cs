using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Autograd;

/// <summary>Reports a local schedule that never steps: nothing uses it, or only the optimizer steps in the method's loop.</summary>
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

    private static readonly string[] s_schedules =
    [
        "StepLR", "MultiStepLR", "LambdaLR", "MultiplicativeLR", "PolynomialLR", "ExponentialLR", "ConstantLR", "LinearLR", "SequentialLR", "ChainedLR", "CosineAnnealingLR", "CyclicLR", "OneCycleLR", "ReduceLROnPlateau",
    ];

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var creation = (IInvocationOperation)operation.Operation;
                if (torch.Owns(creation.TargetMethod) && creation.TargetMethod.IsStatic && torch.IsScheduler(creation.Type)
                    && creation.MeaningfulParent() is IVariableInitializerOperation { Parent: IVariableDeclaratorOperation { Symbol: { } scheduler } }
                    && creation.Root() is var root
                    && (IsUnused(creation, scheduler, root) || StaysUnstepped(scheduler, root, torch)))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, creation.Syntax.GetLocation(), scheduler.Name));
                }
            },
            calls: s_schedules);

    /// <summary>Nothing mentions the schedule, while the method goes on using its optimizer, or hands it on to what trains with it.</summary>
    private static bool IsUnused(IInvocationOperation creation, ILocalSymbol scheduler, IOperation root) =>
        !root.MentionsOf(scheduler).Any()
        && creation.Arguments.Select(argument => argument.Value.NamedVariable()).OfType<ISymbol>().Any(optimizer =>
            root.MentionsOf(optimizer).Any(mention => mention.Start() > creation.Syntax.Span.End && mention.InnermostLoop() is not null));

    private static bool StaysUnstepped(ILocalSymbol scheduler, IOperation root, TorchSharpContext torch) =>
        root.Descendants().OfType<IInvocationOperation>().ToList() is var calls
        && calls.Any(call => GradientFlow.IsStep(call, torch) && call.InnermostLoop() is not null)
        && !calls.Any(call => call.TargetMethod.Name == "step" && call.Instance.Names(scheduler))
        && TrainingFacts.StaysHere(scheduler, root, _ => false);
}
