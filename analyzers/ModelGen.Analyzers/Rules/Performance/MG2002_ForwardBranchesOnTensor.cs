using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports conditions in <c>forward</c> that read the value of a tensor.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2002_ForwardBranchesOnTensor() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.ForwardBranchesOnTensor,
        "forward branches on the value of a tensor",
        "This condition reads a tensor's value, so forward waits for the device here and cannot be compiled or exported; use 'torch.where' or a mask where possible",
        RuleCategories.Performance,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "A branch on a value ends every chance to see the graph ahead of time: it cannot be fused, captured or exported, and on a GPU the host waits for the value.",
        RuleIds.HelpLink(RuleIds.ForwardBranchesOnTensor));

    protected override void Register(RuleContext context, TorchSharpContext torch)
    {
        context.OnOperations(operation => Analyze(operation, ((IConditionalOperation)operation.Operation).Condition, torch), kinds: [OperationKind.Conditional]);
        context.OnOperations(operation => Analyze(operation, (operation.Operation as IWhileLoopOperation)?.Condition, torch), kinds: [OperationKind.Loop]);
    }

    private static void Analyze(MemberOperation operation, IOperation? condition, TorchSharpContext torch)
    {
        if (condition is not null && operation.ContainingSymbol is IMethodSymbol { Name: "forward", IsOverride: true } method && torch.IsUserModule(method.ContainingType)
            && condition.DescendantsAndSelf().FirstOrDefault(part => HostReads.Tensor(part, torch) is not null) is { } read)
        {
            operation.ReportDiagnostic(Diagnostic.Create(Rule, read.Syntax.GetLocation()));
        }
    }
}
