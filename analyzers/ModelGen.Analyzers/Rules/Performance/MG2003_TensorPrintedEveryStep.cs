using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports <c>print</c>, <c>str</c> and the like at every turn of a training loop.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2003_TensorPrintedEveryStep() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.TensorPrintedEveryStep,
        "The elements of a tensor are written out at every training step",
        "'{0}' formats the elements one by one at every step; do it every few steps, or write a number such as the mean",
        RuleCategories.Performance,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "Each element is selected by a native call and read on its own. On a GPU each of these reads waits for the device.",
        RuleIds.HelpLink(RuleIds.TensorPrintedEveryStep));

    private static readonly HashSet<string> s_methods = ["print", "str", "npstr", "jlstr", "cstr"];

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (torch.IsTensorMethod(call.TargetMethod) && (s_methods.Contains(call.TargetMethod.Name) || call.TargetMethod is { Name: "ToString", Parameters.IsEmpty: false })
                    && call.TrainingLoop(torch) is { } loop && call.RunsEveryTurn(loop))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation(), call.TargetMethod.Name));
                }
            },
            calls: [.. s_methods, "ToString"],
            inCallersOf: ["backward"]);
}
