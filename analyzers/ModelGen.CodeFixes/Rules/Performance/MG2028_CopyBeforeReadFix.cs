using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Performance;

/// <summary>Removes the copies.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG2028_CopyBeforeReadFix() : TorchCodeFix(RuleIds.CopyBeforeRead, "Read the number directly")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        SyntaxNode node = request.Node is ArgumentSyntax argument ? argument.Expression : request.Node;
        ExpressionSyntax? tensor = node as ExpressionSyntax;
        while (tensor is InvocationExpressionSyntax { ArgumentList.Arguments.Count: 0, Expression: MemberAccessExpressionSyntax { Name.Identifier.ValueText: "cpu" or "detach" or "clone" or "contiguous" } copy })
        {
            tensor = copy.Expression;
        }

        return tensor is not null && tensor != node ? Fixable(Replace(request, node, tensor.WithTriviaFrom(node))) : NotFixable;
    }
}
