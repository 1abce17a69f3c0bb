using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Autograd;

/// <summary>Reports <c>scheduler.step()</c> before <c>optimizer.step()</c> in a loop.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG3007_SchedulerBeforeOptimizer() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.SchedulerBeforeOptimizer,
        "A learning rate schedule steps before the optimizer",
        "'{0}' steps before the optimizer, so the first value of the schedule is never used; step it after the optimizer",
        RuleCategories.Autograd,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "A scheduler sets the first learning rate when it is made. Its step() moves on to the next one, and belongs after the optimizer's step, as in PyTorch since 1.1.",
        RuleIds.HelpLink(RuleIds.SchedulerBeforeOptimizer));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (IsSchedulerStep(call, torch) && call.Instance.NamedVariable() is { } scheduler
                    && call.StatementInBlock() is var (statement, block) && block.Parent is ILoopOperation loop && loop.Body == block
                    && block.Descendants().OfType<IInvocationOperation>().Count(other => IsSchedulerStep(other, torch)) == 1
                    && OptimizerStatement(block, torch) is { } optimizerStatement && statement.Start() < optimizerStatement.Start())
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation(), [optimizerStatement.Syntax.GetLocation()], scheduler.Name));
                }
            },
            calls: ["step"]);

    /// <summary>A step without a metric; ReduceLROnPlateau takes one.</summary>
    private static bool IsSchedulerStep(IInvocationOperation call, TorchSharpContext torch) =>
        call.TargetMethod.Name == "step" && torch.IsScheduler(call.Instance?.Type) && call.Arguments.All(argument => argument.ArgumentKind != ArgumentKind.Explicit);

    /// <summary>The only statement of the block that steps an optimizer: directly, or in a loop over the batches.</summary>
    private static IOperation? OptimizerStatement(IBlockOperation block, TorchSharpContext torch)
    {
        List<IOperation> stepping = [.. block.Operations.Where(statement =>
            statement is IExpressionStatementOperation or ILoopOperation or IUsingOperation
            && statement.DescendantsAndSelf().OfType<IInvocationOperation>().Any(call => GradientFlow.IsStep(call, torch)))];
        return stepping.Count == 1 ? stepping[0] : null;
    }
}
