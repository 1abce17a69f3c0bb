using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports a tensor of a dispose scope that is stored in a field or an outer collection, or used after the scope.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1007_ScopedTensorKept() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.ScopedTensorKept,
        "A tensor outlives the dispose scope that owns it",
        "'{0}' belongs to a dispose scope of this method, which disposes it before it is used again{1}; call DetachFromDisposeScope() or MoveToOuterDisposeScope() on it",
        RuleCategories.Memory,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "A dispose scope disposes every tensor made while it was open. A field, a collection or an outer variable then holds an empty handle, and the next use of it throws.",
        RuleIds.HelpLink(RuleIds.ScopedTensorKept));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnMembers((block, _) =>
        {
            // Constructors are left out: a module's registration takes its tensors out of their scope.
            if (block.OwningSymbol is IMethodSymbol { MethodKind: MethodKind.Constructor or MethodKind.StaticConstructor })
            {
                return;
            }

            foreach (IOperation body in block.OperationBlocks)
            {
                foreach ((IOperation function, ScopeFindings findings) in ScopeAnalysis.Find(body, block, torch))
                {
                    Report(function, findings, block, torch);
                }
            }
        },
        inCallersOf: ["NewDisposeScope"]);

    private static void Report(IOperation function, ScopeFindings findings, MemberContext block, TorchSharpContext torch)
    {
        foreach (ILocalReferenceOperation use in findings.UsedAfter)
        {
            block.ReportDiagnostic(Diagnostic.Create(Rule, use.Syntax.GetLocation(), use.Local.Name, " here"));
        }

        foreach ((IOperation value, ISymbol variable) in findings.Kept)
        {
            if (KeptTensors.StayKept(value, variable, function, torch) && KeptTensors.Outlives(value, variable, function, torch))
            {
                block.ReportDiagnostic(Diagnostic.Create(Rule, value.Syntax.GetLocation(), value.Syntax.ToString(), $" through '{variable.Name}'"));
            }
        }
    }
}
