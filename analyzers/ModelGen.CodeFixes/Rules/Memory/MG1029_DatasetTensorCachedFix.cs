using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Memory;

/// <summary>Detaches the tensor where it is stored.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG1029_DatasetTensorCachedFix() : TorchCodeFix(RuleIds.DatasetTensorCached, "Detach the tensor from the loader's dispose scope")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        SyntaxNode node = request.Node is ArgumentSyntax argument ? argument.Expression : request.Node;
        return node is ExpressionSyntax tensor ? Fixable(Replace(request, node, tensor.Call("DetachFromDisposeScope").WithTriviaFrom(node))) : NotFixable;
    }
}
