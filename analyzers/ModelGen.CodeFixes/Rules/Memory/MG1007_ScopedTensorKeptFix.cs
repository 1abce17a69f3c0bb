using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Memory;

/// <summary>Detaches the tensor where it is stored.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG1007_ScopedTensorKeptFix() : TorchCodeFix(RuleIds.ScopedTensorKept, "Detach the tensor from the dispose scope")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        SyntaxNode node = request.Node is ArgumentSyntax argument ? argument.Expression : request.Node;
        bool isStored = node.Parent is AssignmentExpressionSyntax assignment ? assignment.Right == node : node.Parent is ArgumentSyntax;
        return node is ExpressionSyntax tensor && isStored && !request.Diagnostic.GetMessage(null).Contains(" here;")
            ? Fixable(Replace(request, node, tensor.Call("DetachFromDisposeScope").WithTriviaFrom(node)))
            : NotFixable;
    }
}
