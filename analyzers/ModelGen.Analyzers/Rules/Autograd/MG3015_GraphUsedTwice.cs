using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Autograd;

/// <summary>Reports a second <c>backward()</c> on a loss that is not computed again.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG3015_GraphUsedTwice() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.GraphUsedTwice,
        "backward() runs through the same graph again",
        "The graph of '{0}' is freed by the first backward pass, so the second one throws; compute the loss again, or pass 'retain_graph: true' to the first",
        RuleCategories.Autograd,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "backward() frees what it kept for the pass. A loss that was computed once can go backward once.",
        RuleIds.HelpLink(RuleIds.GraphUsedTwice));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var backward = (IInvocationOperation)operation.Operation;
                if (IsPlainBackward(backward, torch) && backward.Instance?.Unwrap() is ILocalReferenceOperation { Local: { } local }
                    && LocalValues.InitialValue(local, backward.Root()) is { } loss && KeepsTensors(loss, torch)
                    && loss.EnclosingFunction() == backward.EnclosingFunction()
                    && (RunsInALaterLoop(loss, backward) || FollowsAnother(backward, local, torch)))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, backward.Syntax.GetLocation(), local.Name));
                }
            },
            calls: ["backward"]);

    private static bool IsPlainBackward(IInvocationOperation call, TorchSharpContext torch) =>
        call.TargetMethod.Name == "backward" && torch.IsTensor(call.TargetMethod.ContainingType) && torch.IsBackward(call.TargetMethod)
        && call.Written("retain_graph") is null or { ConstantValue: { HasValue: true, Value: false } }
        && call.Written("create_graph") is null or { ConstantValue: { HasValue: true, Value: false } };

    /// <summary>Losses keep their inputs for the pass; a graph of sums alone keeps nothing and can be used again.</summary>
    private static bool KeepsTensors(IOperation loss, TorchSharpContext torch) => loss.DescendantsAndSelf().Any(operation => LossCalls.Of(operation, torch) is not null);

    /// <summary>The pass is in a loop that the loss is computed before, and nothing leaves the loop after one turn.</summary>
    private static bool RunsInALaterLoop(IOperation loss, IInvocationOperation backward) =>
        backward.InnermostLoop() is { } loop && !loop.Syntax.Span.Contains(loss.Syntax.Span) && loss.InnermostLoop() == loop.InnermostLoop()
        && backward.StatementInBlock() is var (_, block) && block == loop.Body
        && !loop.Body.Descendants().Any(operation => operation is IReturnOperation or IThrowOperation or IBranchOperation { BranchKind: BranchKind.Break or BranchKind.GoTo });

    /// <summary>An earlier statement of the same block has gone backward through the loss.</summary>
    private static bool FollowsAnother(IInvocationOperation backward, ILocalSymbol local, TorchSharpContext torch) =>
        backward.StatementInBlock() is var (statement, block)
        && block.Operations.TakeWhile(earlier => earlier != statement).Any(earlier =>
            earlier is IExpressionStatementOperation { Operation: IInvocationOperation call } && IsPlainBackward(call, torch) && call.Instance.Names(local));
}
