using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Autograd;

/// <summary>Reports an optimizer with state that is made in the loop in which it steps.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG3010_OptimizerMadePerStep() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.OptimizerMadePerStep,
        "An optimizer is made anew for every step",
        "'{0}' is made in the loop and steps once, so its state never survives a step; make it before the loop",
        RuleCategories.Autograd,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "The moments of Adam and the momentum of SGD are averages over many steps, and live in the optimizer. An optimizer that steps once has no past: Adam then moves every weight by the learning rate, whatever the size of its gradient.",
        RuleIds.HelpLink(RuleIds.OptimizerMadePerStep));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                IOperation creation = operation.Operation;
                if (TrainingFacts.IsOptimizerCreation(creation, torch) && HasState(creation)
                    && creation.CreatedVariable() is { } optimizer
                    && creation.InnermostLoop() is { } loop
                    && creation.StatementInBlock() is var (_, block) && block == loop.Body
                    && StepsOnce(optimizer, block, loop, torch)
                    && TrainingFacts.ParameterSources(creation, torch).ToList() is { Count: > 0 } models
                    && models.All(model => !block.Descendants().Any(part => IsMadeHere(part, model))))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, creation.Syntax.GetLocation(), optimizer.Name));
                }
            },
            torchCalls: true,
            kinds: [OperationKind.ObjectCreation],
            inCallersOf: ["step"]);

    /// <summary>Everything but plain SGD, and LBFGS, whose step is a whole optimization.</summary>
    private static bool HasState(IOperation creation) => creation switch
    {
        IInvocationOperation { TargetMethod.Name: "SGD" } sgd => sgd.Written("momentum") is { } momentum && TensorCalls.Number(momentum) is not 0,
        IInvocationOperation call => call.TargetMethod.Name != "LBFGS",
        _ => creation.Type?.Name is not ("SGD" or "LBFGS"),
    };

    private static bool StepsOnce(ISymbol optimizer, IBlockOperation block, ILoopOperation loop, TorchSharpContext torch)
    {
        List<IInvocationOperation> steps = [.. block.Descendants().OfType<IInvocationOperation>().Where(call => GradientFlow.IsStep(call, torch) && call.Instance.Names(optimizer))];
        return steps is [{ } step] && step.InnermostLoop() == loop;
    }

    private static bool IsMadeHere(IOperation part, ISymbol model) => part switch
    {
        IVariableDeclaratorOperation declarator => SymbolEqualityComparer.Default.Equals(declarator.Symbol, model),
        _ => LocalValues.Writes(part, model),
    };
}
