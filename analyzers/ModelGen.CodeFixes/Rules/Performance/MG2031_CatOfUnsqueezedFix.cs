using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Performance;

/// <summary>Writes <c>torch.stack</c> and removes the calls of <c>unsqueeze</c>.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG2031_CatOfUnsqueezedFix() : TorchCodeFix(RuleIds.CatOfUnsqueezed, "Stack the tensors")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (request.Node.FirstAncestorOrSelf<InvocationExpressionSyntax>() is not { Expression: MemberAccessExpressionSyntax method } cat || cat.ArgumentList.Arguments.Count == 0)
        {
            return NotFixable;
        }

        ArgumentSyntax list = cat.ArgumentList.Arguments[0];
        IEnumerable<InvocationExpressionSyntax> added = list.DescendantNodes().OfType<InvocationExpressionSyntax>()
            .Where(call => call.Expression is MemberAccessExpressionSyntax { Name.Identifier.ValueText: "unsqueeze" }
                && call.Parent is LambdaExpressionSyntax or InitializerExpressionSyntax or ExpressionElementSyntax);
        InvocationExpressionSyntax stack = cat
            .ReplaceNodes(added, (call, _) => ((MemberAccessExpressionSyntax)call.Expression).Expression.WithTriviaFrom(call));
        stack = stack.ReplaceNodes(stack.DescendantNodes().OfType<InvocationExpressionSyntax>().Where(SelectsItself), (call, _) => ((MemberAccessExpressionSyntax)call.Expression).Expression);
        return Fixable(Replace(request, cat, stack.WithExpression(method.WithName(SyntaxFactory.IdentifierName("stack")))));
    }

    private static bool SelectsItself(InvocationExpressionSyntax call) =>
        call is { Expression: MemberAccessExpressionSyntax { Name.Identifier.ValueText: "Select" }, ArgumentList.Arguments: [{ Expression: SimpleLambdaExpressionSyntax { Body: IdentifierNameSyntax body } lambda }] }
        && body.Identifier.ValueText == lambda.Parameter.Identifier.ValueText;
}
