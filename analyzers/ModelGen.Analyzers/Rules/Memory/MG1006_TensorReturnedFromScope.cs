using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports a tensor that is returned although a dispose scope of the same function disposes it on the way out.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1006_TensorReturnedFromScope() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.TensorReturnedFromScope,
        "A tensor is returned from the dispose scope that owns it",
        "This tensor is made inside a dispose scope that ends with this return, so the caller gets a disposed tensor; return '{0}.MoveToOuterDisposeScope()'",
        RuleCategories.Memory,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "A dispose scope disposes every tensor made while it was open, the returned one included, unless the tensor is moved to the outer scope or detached.",
        RuleIds.HelpLink(RuleIds.TensorReturnedFromScope));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnMembers((block, _) =>
        {
            foreach (IOperation body in block.OperationBlocks)
            {
                foreach (IOperation returned in ScopeAnalysis.Find(body, block, torch).SelectMany(function => function.Findings.Returned))
                {
                    block.ReportDiagnostic(Diagnostic.Create(Rule, returned.Syntax.GetLocation(), Describe(returned)));
                }
            }
        },
        inCallersOf: ["NewDisposeScope"]);

    private static string Describe(IOperation returned)
    {
        string text = returned.Syntax.ToString();
        return returned.Unwrap() is ILocalReferenceOperation or IInvocationOperation && text.Length <= 40 ? text : "(...)";
    }
}
