using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports an optimizer in a local that nothing disposes or hands on, outside the entry point.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1022_OptimizerNotDisposed() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.OptimizerNotDisposed,
        "An optimizer is never disposed",
        "The state that this optimizer keeps of each parameter is left to the garbage collector; write 'using var'",
        RuleCategories.Memory,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "Adam keeps two tensors as large as each parameter, and takes them out of all dispose scopes. Only the optimizer's own Dispose frees them in time.",
        RuleIds.HelpLink(RuleIds.OptimizerNotDisposed));

    protected override void Register(RuleContext context, TorchSharpContext torch)
    {
        IMethodSymbol? main = context.Compilation.GetEntryPoint(context.CancellationToken);
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (torch.IsOptimizerFactory(call.TargetMethod) && KeepsState(call.TargetMethod)
                    && !SymbolEqualityComparer.Default.Equals(operation.ContainingSymbol, main) && DisposableUse.IsNeverDisposed(call))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation()));
                }
            },
            torchCalls: true);
    }

    /// <summary>Plain SGD keeps nothing unless it is given a momentum, so it is left out altogether.</summary>
    private static bool KeepsState(IMethodSymbol factory) => factory.Name != "SGD";
}
