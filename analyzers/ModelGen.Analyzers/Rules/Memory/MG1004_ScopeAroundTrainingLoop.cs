using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports a dispose scope around a training loop that nothing empties at each turn.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1004_ScopeAroundTrainingLoop() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.ScopeAroundTrainingLoop,
        "A dispose scope is opened around a training loop",
        "This scope frees nothing before the whole loop is over, so the tensors of all its turns stay in memory; open it inside the loop",
        RuleCategories.Memory,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "A dispose scope keeps every tensor that is made while it is open. Around a loop that trains, that is every activation and every gradient of an epoch.",
        RuleIds.HelpLink(RuleIds.ScopeAroundTrainingLoop));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var loop = (ILoopOperation)operation.Operation;
                if (loop.TrainsDirectly(torch) && !loop.IsShort() && loop.LeavesItsLoss(torch) && !EmptiesScopes(loop, torch) && Around(loop, torch) is { } scope)
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, scope.Syntax.GetLocation()));
                }
            },
            kinds: [OperationKind.Loop],
            inCallersOf: ["backward"]);

    /// <summary>A scope of its own in the body, a call on any scope, or tensors that leave one.</summary>
    private static bool EmptiesScopes(ILoopOperation loop, TorchSharpContext torch) => loop.Body.Descendants().Any(operation => operation switch
    {
        IInvocationOperation call => torch.IsNewDisposeScope(call.TargetMethod) || torch.IsScopeTransfer(call.TargetMethod),
        IVariableDeclaratorOperation { Symbol: { IsUsing: true, Type: { } type } } => type.SpecialType == SpecialType.System_IDisposable,
        IUsingOperation { Resources.Type.SpecialType: SpecialType.System_IDisposable } => true,
        ILocalReferenceOperation or IFieldReferenceOperation or IParameterReferenceOperation => SymbolEqualityComparer.Default.Equals(operation.Type, torch.DisposeScope),
        _ => false,
    });

    /// <summary>The innermost call that opens a scope which lasts over the whole loop, with no other loop in between.</summary>
    private static IInvocationOperation? Around(ILoopOperation loop, TorchSharpContext torch)
    {
        ILoopOperation? outer = loop.EnclosingLoop();
        return loop.EnclosingFunction().Descendants().OfType<IInvocationOperation>()
            .Where(call => torch.IsNewDisposeScope(call.TargetMethod) && IsOpenAt(call, loop) && call.EnclosingLoop() == outer)
            .OrderByDescending(call => call.Start())
            .FirstOrDefault();
    }

    private static bool IsOpenAt(IInvocationOperation call, ILoopOperation loop)
    {
        for (IOperation? current = call.Parent; current is not (null or IBlockOperation); current = current.Parent)
        {
            switch (current)
            {
                case IUsingOperation @using:
                    return @using.Body.Syntax.Span.Contains(loop.Syntax.Span);
                case IUsingDeclarationOperation { Parent: { } block } declaration:
                    return block.Syntax.Span.Contains(loop.Syntax.Span) && declaration.Start() < loop.Start();
            }
        }

        return false;
    }
}
