using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Numerics;

/// <summary>Calls the loss with logits, when the sigmoid stands in the argument of the function.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG5009_SigmoidBeforeBinaryCrossEntropyFix() : TorchCodeFix(RuleIds.SigmoidBeforeBinaryCrossEntropy, "Use the loss with logits")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (Marked(request) is not { Syntax: InvocationExpressionSyntax call } marked
            || LossCalls.Of(marked.Operation, marked.Torch) is not { Call.Instance: null } loss
            || TensorCalls.Of(loss.Input, "sigmoid", marked.Torch) is not { } sigmoid
            || call.Expression.DescendantNodesAndSelf().OfType<SimpleNameSyntax>().Last() is not IdentifierNameSyntax name)
        {
            return NotFixable;
        }

        InvocationExpressionSyntax changed = call.ReplaceNodes(
            [name, loss.Input.Syntax],
            (old, _) => old == name
                ? SyntaxFactory.IdentifierName("binary_cross_entropy_with_logits").WithTriviaFrom(old)
                : sigmoid.Input.Syntax.WithTriviaFrom(old));
        return Fixable(Replace(request, call, changed));
    }
}
