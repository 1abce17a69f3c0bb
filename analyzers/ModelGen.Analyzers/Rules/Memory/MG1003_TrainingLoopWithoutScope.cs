using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports a training loop in which no dispose scope is open and whose loss is never disposed.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1003_TrainingLoopWithoutScope() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.TrainingLoopWithoutScope,
        "A training loop leaves its tensors to the garbage collector",
        "Every turn of this loop leaves its activations, loss and gradients' temporaries to the garbage collector, which cannot see how large they are; begin the body with 'using var scope = torch.NewDisposeScope();'",
        RuleCategories.Memory,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "The garbage collector sees a tensor as a few bytes, whatever it holds natively, so it has no reason to run. Memory grows until a collection happens to come.",
        RuleIds.HelpLink(RuleIds.TrainingLoopWithoutScope));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var loop = (ILoopOperation)operation.Operation;
                if (loop.TrainsDirectly(torch) && !loop.IsShort() && loop.LeavesItsLoss(torch) && !ManagesMemory(loop, torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, loop.Keyword()));
                }
            },
            kinds: [OperationKind.Loop],
            inCallersOf: ["backward"]);

    /// <summary>A scope around the loop or in it, a using of something unknown (it may be the user's own scope), or a forced collection.</summary>
    private static bool ManagesMemory(ILoopOperation loop, TorchSharpContext torch)
    {
        foreach (IOperation operation in loop.EnclosingFunction().Descendants())
        {
            bool manages = operation switch
            {
                IInvocationOperation call => torch.IsNewDisposeScope(call.TargetMethod) || torch.IsScopeTransfer(call.TargetMethod)
                    || call.TargetMethod is { Name: "Collect", ContainingType.Name: "GC" } || call.TargetMethod.Name == "WrappedTensorDisposeScope",
                IUsingOperation { Resources: { } resources } => resources.Type?.SpecialType == SpecialType.System_IDisposable && !IsGradMode(resources, torch),
                IVariableDeclaratorOperation { Symbol: { IsUsing: true, Type: { } type } } declarator =>
                    (type.SpecialType == SpecialType.System_IDisposable && !IsGradMode(declarator.GetVariableInitializer()?.Value, torch))
                    || SymbolEqualityComparer.Default.Equals(type, torch.DisposeScope),
                _ => false,
            };
            if (manages)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A gradient mode is an <c>IDisposable</c> that frees no tensors.</summary>
    private static bool IsGradMode(IOperation? resource, TorchSharpContext torch) => resource?.Unwrap() is IInvocationOperation call && torch.IsGradMode(call.TargetMethod);
}
