using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports <c>torch.NewDisposeScope()</c> whose result can never be disposed.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1001_DisposeScopeNotDisposed() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.DisposeScopeNotDisposed,
        "A dispose scope is opened without using",
        "This dispose scope is never disposed, so every tensor made later on this thread stays in memory; write 'using var scope = torch.NewDisposeScope();'",
        RuleCategories.Memory,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "An open scope stays the current scope of its thread. Without 'using' it is never closed: it frees nothing, and it collects every tensor that later code makes.",
        RuleIds.HelpLink(RuleIds.DisposeScopeNotDisposed));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (torch.IsNewDisposeScope(call.TargetMethod) && DisposableUse.IsNeverDisposed(call))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation()));
                }
            },
            calls: ["NewDisposeScope"]);
}
