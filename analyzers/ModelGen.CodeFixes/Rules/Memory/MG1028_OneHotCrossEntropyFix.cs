using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.Operations;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Memory;

/// <summary>Passes the labels themselves.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG1028_OneHotCrossEntropyFix() : TorchCodeFix(RuleIds.OneHotCrossEntropy, "Pass the class indices")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        SyntaxNode node = request.Node is ArgumentSyntax argument ? argument.Expression : request.Node;
        return node.DescendantNodesAndSelf().OfType<InvocationExpressionSyntax>()
                .FirstOrDefault(call => request.Model.GetOperation(call, request.Cancellation) is IInvocationOperation { TargetMethod.Name: "one_hot" }) is { } oneHot
            && oneHot.ArgumentList.Arguments.FirstOrDefault()?.Expression is { } labels
            ? Fixable(Replace(request, node, labels.WithTriviaFrom(node)))
            : NotFixable;
    }
}
