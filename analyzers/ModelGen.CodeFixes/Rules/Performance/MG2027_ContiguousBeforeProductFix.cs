using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Performance;

/// <summary>Removes <c>contiguous()</c>.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG2027_ContiguousBeforeProductFix() : TorchCodeFix(RuleIds.ContiguousBeforeProduct, "Multiply without the copy")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        SyntaxNode node = request.Node is ArgumentSyntax argument ? argument.Expression : request.Node;
        return node is InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Expression: { } operand } } copy
            ? Fixable(Replace(request, copy, operand.WithTriviaFrom(copy)))
            : NotFixable;
    }
}
