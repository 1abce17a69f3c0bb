using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports a loss that is summed up or collected over the steps of a training loop without being detached.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1011_GraphKept() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.GraphKept,
        "The loss of every step is kept with its graph",
        "'{0}' is kept beyond its step together with the graph that made it; keep '{0}.detach()'",
        RuleCategories.Memory,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "A tensor that requires gradients holds on to the operations that made it, and so to their inputs. A sum or a list of losses keeps those of all steps.",
        RuleIds.HelpLink(RuleIds.GraphKept));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var loss = (ILocalReferenceOperation)operation.Operation;
                if (torch.IsTensor(loss.Type) && Keeper(loss) is { } keeper && loss.TrainingLoop(torch) is { } loop
                    && loss.Local.IsDeclaredIn(loop.Body) && !keeper.IsDeclaredIn(loop) && IsTrainedOn(loss.Local, loop, torch)
                    && !IsTrainedOn(keeper, loss.EnclosingFunction(), torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, loss.Syntax.GetLocation(), loss.Local.Name));
                }
            },
            kinds: [OperationKind.LocalReference],
            inCallersOf: ["backward"]);

    /// <summary>The sum or the collection that the loss goes into.</summary>
    private static ISymbol? Keeper(ILocalReferenceOperation loss) => loss.MeaningfulParent() switch
    {
        ICompoundAssignmentOperation { OperatorKind: BinaryOperatorKind.Add, OperatorMethod: not null } sum when sum.Value.Unwrap() == loss => sum.Target.NamedVariable(),
        IBinaryOperation { OperatorKind: BinaryOperatorKind.Add, OperatorMethod: not null } sum when sum.MeaningfulParent() is ISimpleAssignmentOperation assignment
            && assignment.Target.NamedVariable() is { } total && (sum.LeftOperand.Names(total) || sum.RightOperand.Names(total)) => total,
        IArgumentOperation { Parent: IInvocationOperation add } when add.AddsToCollection() => add.Instance.NamedVariable(),
        _ => null,
    };

    private static bool IsTrainedOn(ISymbol tensor, IOperation region, TorchSharpContext torch) =>
        region.Descendants().OfType<IInvocationOperation>().Any(call =>
            torch.IsBackward(call.TargetMethod) && call.Descendants().Any(part => part.Names(tensor)));
}
