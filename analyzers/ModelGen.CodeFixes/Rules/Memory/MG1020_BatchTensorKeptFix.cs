using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Memory;

/// <summary>Keeps a copy that no loader and no scope disposes.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG1020_BatchTensorKeptFix() : TorchCodeFix(RuleIds.BatchTensorKept, "Keep a copy of the tensor")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        SyntaxNode node = request.Node is ArgumentSyntax argument ? argument.Expression : request.Node;
        return node is ElementAccessExpressionSyntax or IdentifierNameSyntax
            ? Fixable(Replace(request, node, ((ExpressionSyntax)node).Call("clone").Call("DetachFromDisposeScope").WithTriviaFrom(node)))
            : NotFixable;
    }
}
