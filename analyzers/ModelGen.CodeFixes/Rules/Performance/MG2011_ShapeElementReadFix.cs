using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Performance;

/// <summary>Writes <c>size(...)</c>.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG2011_ShapeElementReadFix() : TorchCodeFix(RuleIds.ShapeElementRead, "Ask for the one dimension")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request) =>
        request.Node.FirstAncestorOrSelf<ElementAccessExpressionSyntax>() is { Expression: MemberAccessExpressionSyntax shape, ArgumentList.Arguments: [{ } index] } element
            ? Fixable(Replace(request, element, SyntaxFactory.InvocationExpression(
                shape.WithName(SyntaxFactory.IdentifierName("size")),
                SyntaxFactory.ArgumentList(SyntaxFactory.SingletonSeparatedList(index))).WithTriviaFrom(element)))
            : NotFixable;
}
