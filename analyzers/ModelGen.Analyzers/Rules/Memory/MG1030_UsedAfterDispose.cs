using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports uses of a tensor that <c>Dispose()</c> has been called on, on every path.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1030_UsedAfterDispose() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.UsedAfterDispose,
        "A tensor is used after it is disposed",
        "'{0}' has been disposed on every path that leads here, so this use throws",
        RuleCategories.Memory,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "Dispose frees the native tensor. The object that is left is an empty handle; every operation on it throws.",
        RuleIds.HelpLink(RuleIds.UsedAfterDispose));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnMembers((block, _) =>
        {
            foreach (IOperation body in block.OperationBlocks.Where(body => DisposedFlow.MayMatter(body, torch)))
            {
                foreach (IOperation use in ControlFlowGraphs.Of(body, block).SelectMany(graph => DisposedFlow.FindUses(graph, torch)))
                {
                    block.ReportDiagnostic(Diagnostic.Create(Rule, use.Syntax.GetLocation(), use.NamedVariable()!.Name));
                }
            }
        },
        inCallersOf: ["Dispose"]);
}
