using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports <c>no_grad</c>, <c>inference_mode</c> and <c>enable_grad</c> whose result can never be disposed.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1002_GradModeNotDisposed() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.GradModeNotDisposed,
        "A gradient mode is switched without using",
        "The result of '{0}' is never disposed, so the mode stays switched on this thread; write 'using var mode = torch.{0}(...);'",
        RuleCategories.Memory,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "The mode is restored when the result is disposed, and nothing else restores it: a forgotten no_grad silently ends all training on the thread, a forgotten enable_grad keeps every graph.",
        RuleIds.HelpLink(RuleIds.GradModeNotDisposed));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (torch.IsGradMode(call.TargetMethod) && !IsGlobalSwitch(call) && DisposableUse.IsNeverDisposed(call))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation(), call.TargetMethod.Name));
                }
            },
            calls: ["no_grad", "inference_mode", "enable_grad", "set_grad_enabled"]);

    /// <summary><c>set_grad_enabled(...)</c> as a statement of its own is the accepted way to set the mode for good.</summary>
    private static bool IsGlobalSwitch(IInvocationOperation call) =>
        call.TargetMethod.Name == "set_grad_enabled"
        && call.MeaningfulParent() is IExpressionStatementOperation or ISimpleAssignmentOperation { Target: IDiscardOperation };
}
