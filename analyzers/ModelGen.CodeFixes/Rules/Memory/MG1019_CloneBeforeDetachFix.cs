using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Memory;

/// <summary>Swaps the two calls.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG1019_CloneBeforeDetachFix() : TorchCodeFix(RuleIds.CloneBeforeDetach, "Detach first, then clone")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request) =>
        request.Node.FirstAncestorOrSelf<InvocationExpressionSyntax>() is { Expression: MemberAccessExpressionSyntax { Expression: InvocationExpressionSyntax clone } outer } detach
        && clone.Expression is MemberAccessExpressionSyntax inner
            ? Fixable(Replace(request, detach, detach
                .WithExpression(outer.WithName(inner.Name).WithExpression(clone.WithExpression(inner.WithName(outer.Name))))))
            : NotFixable;
}
