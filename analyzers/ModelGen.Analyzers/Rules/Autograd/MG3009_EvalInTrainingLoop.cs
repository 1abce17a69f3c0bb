using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Autograd;

/// <summary>Reports <c>model.eval()</c> behind the training part of a loop that never calls <c>train()</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG3009_EvalInTrainingLoop() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.EvalInTrainingLoop,
        "A training loop leaves the model in evaluation mode",
        "After this the loop goes on training '{0}' in evaluation mode: dropout stays off and batch normalization keeps its statistics; call '{0}.train()' before the next batch",
        RuleCategories.Autograd,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "eval() holds until train() is called. A loop that evaluates at the end of an epoch and never switches back trains properly in its first epoch only.",
        RuleIds.HelpLink(RuleIds.EvalInTrainingLoop));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var eval = (IInvocationOperation)operation.Operation;
                if (eval.TargetMethod.Name == "eval" && torch.IsModule(eval.TargetMethod.ContainingType) && eval.Instance.NamedVariable() is { } model
                    && TrainingLoop(eval, torch) is { } loop
                    && IsTrained(model, eval, torch)
                    && !LeavesAfter(eval, loop)
                    && !MayTrainAgain(loop, operation.CancellationToken))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, eval.Syntax.GetLocation(), model.Name));
                }
            },
            calls: ["eval"]);

    /// <summary>The nearest loop around the call in which the model was trained before the call.</summary>
    private static ILoopOperation? TrainingLoop(IInvocationOperation eval, TorchSharpContext torch)
    {
        for (ILoopOperation? loop = eval.InnermostLoop(); loop is not null; loop = loop.InnermostLoop())
        {
            List<IInvocationOperation> before = [.. loop.Body.Descendants().OfType<IInvocationOperation>().Where(call => call.Start() < eval.Start())];
            if (before.Any(call => torch.IsBackward(call.TargetMethod)) && before.Any(call => GradientFlow.IsStep(call, torch)))
            {
                return loop;
            }
        }

        return null;
    }

    /// <summary>True when an optimizer of this method gets the model's parameters, or when the method knows no other model.</summary>
    private static bool IsTrained(ISymbol model, IInvocationOperation eval, TorchSharpContext torch)
    {
        List<IOperation> operations = [.. eval.Root().Descendants()];
        List<ISymbol> trained = [.. operations.Where(operation => TrainingFacts.IsOptimizerCreation(operation, torch)).SelectMany(creation => TrainingFacts.ParameterSources(creation, torch))];
        return trained.Count > 0
            ? trained.Contains(model, SymbolEqualityComparer.Default)
            : operations.OfType<IInvocationOperation>()
                .Where(call => torch.IsForward(call.TargetMethod) && LossCalls.Of(call, torch) is null)
                .All(call => call.Instance.Names(model));
    }

    /// <summary>True when the loop may be left between the call and the next batch.</summary>
    private static bool LeavesAfter(IInvocationOperation eval, ILoopOperation loop) =>
        loop.Body.Descendants().Any(operation => operation.Start() > eval.Start() && operation is IReturnOperation or IThrowOperation or IBranchOperation { BranchKind: BranchKind.Break or BranchKind.GoTo })
        && loop.Body.Descendants().Any(operation => operation.Start() > eval.Start()
            && (operation is IReturnOperation or IThrowOperation || (operation is IBranchOperation { BranchKind: BranchKind.Break or BranchKind.GoTo } branch && branch.InnermostLoop() == loop)));

    /// <summary>True when the loop, or a method in source that it calls, calls <c>train</c>.</summary>
    private static bool MayTrainAgain(ILoopOperation loop, CancellationToken cancellation) =>
        MentionsTrain(loop.Syntax)
        || loop.Descendants().OfType<IInvocationOperation>().Any(call =>
            call.TargetMethod.DeclaringSyntaxReferences.Any(reference => MentionsTrain(reference.GetSyntax(cancellation))));

    private static bool MentionsTrain(SyntaxNode node) => node.DescendantNodes().OfType<InvocationExpressionSyntax>().Any(call =>
        call.Expression.DescendantNodesAndSelf().OfType<SimpleNameSyntax>().LastOrDefault()?.Identifier.ValueText == "train");
}
