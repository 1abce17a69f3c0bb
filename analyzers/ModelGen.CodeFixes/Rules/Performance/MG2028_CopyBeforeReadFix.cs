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
        while (tensor is InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax copy } call && IsCopy(copy.Name.Identifier.ValueText, call.ArgumentList.Arguments))
        {
            tensor = copy.Expression;
        }

        return tensor is not null && tensor != node ? Fixable(Replace(request, node, tensor.WithTriviaFrom(node))) : NotFixable;
    }

    private static bool IsCopy(string method, SeparatedSyntaxList<ArgumentSyntax> arguments) => method switch
    {
        "cpu" or "detach" or "clone" or "contiguous" => arguments.Count == 0,
        "to" => arguments.Count == 1 && arguments[0].Expression is IdentifierNameSyntax { Identifier.ValueText: "CPU" } or MemberAccessExpressionSyntax { Name.Identifier.ValueText: "CPU" },
        _ => false,
    };
}
