using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;
using Microsoft.CodeAnalysis.Text;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports <c>await</c> and <c>yield return</c> while a dispose scope or a gradient mode is open.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1016_AwaitInsideScope() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.AwaitInsideScope,
        "An await or yield inside a dispose scope or gradient mode",
        "The method may leave its thread at this '{0}' while a {1} of that thread is open; close it before, and open a new one after",
        RuleCategories.Memory,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "Dispose scopes and gradient modes belong to a thread. After an await the method may go on on another thread: its tensors are then registered elsewhere, whatever runs on the first thread inherits the scope or mode, and it is closed on the wrong thread.",
        RuleIds.HelpLink(RuleIds.AwaitInsideScope));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                IOperation pause = operation.Operation;
                IOperation function = pause.EnclosingFunction();
                string? open = IsIn(function, pause, torch.IsNewDisposeScope) ? "dispose scope"
                    : IsIn(function, pause, torch.IsGradMode) ? "gradient mode"
                    : null;
                if (open is not null)
                {
                    string word = pause is IAwaitOperation ? "await" : "yield return";
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, pause.Syntax.GetLocation(), word, open));
                }
            },
            kinds: [OperationKind.Await, OperationKind.YieldReturn],
            inCallersOf: ["NewDisposeScope", "no_grad", "inference_mode", "enable_grad", "set_grad_enabled"]);

    private static bool IsIn(IOperation function, IOperation pause, Func<IMethodSymbol, bool> opens)
    {
        ImmutableArray<TextSpan> regions = ScopeRegions.Find(function, resource => ScopeRegions.Calls(resource, opens));
        return regions.Contains(pause);
    }
}
