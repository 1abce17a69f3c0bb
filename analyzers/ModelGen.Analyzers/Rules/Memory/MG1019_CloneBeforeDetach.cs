using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports <c>x.clone().detach()</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1019_CloneBeforeDetach() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.CloneBeforeDetach,
        "A tensor is cloned before it is detached",
        "The copy is recorded in the graph only to be cut off from it; write 'detach().clone()'",
        RuleCategories.Memory,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "clone() is an operation like any other: it is recorded for the backward pass and holds on to its input. Detached first, nothing is recorded.",
        RuleIds.HelpLink(RuleIds.CloneBeforeDetach));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var detach = (IInvocationOperation)operation.Operation;
                if (detach.TargetMethod.Name == "detach" && torch.IsTensorMethod(detach.TargetMethod)
                    && detach.Instance?.Unwrap() is IInvocationOperation { TargetMethod: { Name: "clone" } clone } && torch.IsTensorMethod(clone))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, detach.Syntax.GetLocation()));
                }
            },
            calls: ["detach"]);
}
