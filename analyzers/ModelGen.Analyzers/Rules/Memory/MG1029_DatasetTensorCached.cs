using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports a tensor made in <c>GetTensor</c> that is stored in a field or collection of the dataset.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1029_DatasetTensorCached() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.DatasetTensorCached,
        "A dataset keeps a tensor that the data loader disposes",
        "The data loader disposes every tensor made in GetTensor once the batch is put together, so '{0}' holds empty handles in the next epoch; store '{1}.DetachFromDisposeScope()'",
        RuleCategories.Memory,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "A data loader calls GetTensor within a dispose scope of its own, and disposes what was made there after the samples are copied into the batch.",
        RuleIds.HelpLink(RuleIds.DatasetTensorCached));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnMembers((block, member) =>
        {
            if (!member.IsMethod("GetTensor")
                || block.OwningSymbol is not IMethodSymbol { Name: "GetTensor", IsOverride: true } method || !torch.IsDataset(method.ContainingType))
            {
                return;
            }

            foreach (IOperation body in block.OperationBlocks.Where(body => ScopeEscapes.MayKeep(member, [body.Syntax.Span], torch) && !ScopeRegions.Calls(body, torch.IsNewDisposeScope)))
            {
                ScopeFindings findings = ScopeOwnershipFlow.Analyze(block.GetControlFlowGraph(body), [body.Syntax.Span], ScopeAnalysis.FindUntracked(body), torch);
                foreach ((IOperation value, ISymbol variable) in findings.Kept.Where(kept => kept.Variable is IFieldSymbol && KeptTensors.StayKept(kept.Value, kept.Variable, body, torch)))
                {
                    block.ReportDiagnostic(Diagnostic.Create(Rule, value.Syntax.GetLocation(), variable.Name, value.Syntax.ToString()));
                }
            }
        });
}
