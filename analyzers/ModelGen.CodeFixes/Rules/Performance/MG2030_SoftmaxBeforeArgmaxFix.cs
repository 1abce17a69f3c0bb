using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.Operations;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Performance;

/// <summary>Removes the activation.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG2030_SoftmaxBeforeArgmaxFix() : TorchCodeFix(RuleIds.SoftmaxBeforeArgmax, "Take the largest score")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        SyntaxNode node = request.Node is ArgumentSyntax argument ? argument.Expression : request.Node;
        return request.Model.GetOperation(node, request.Cancellation) is IInvocationOperation activation
            && (activation.Instance ?? activation.Arguments.FirstOrDefault(first => first.Parameter?.Ordinal == 0)?.Value)?.Syntax is ExpressionSyntax scores
            ? Fixable(Replace(request, node, Operand(scores).WithTriviaFrom(node)))
            : NotFixable;
    }

    /// <summary>As the receiver of argmax, an expression with operators needs parentheses.</summary>
    private static ExpressionSyntax Operand(ExpressionSyntax scores) =>
        scores is BinaryExpressionSyntax or PrefixUnaryExpressionSyntax or ConditionalExpressionSyntax ? SyntaxFactory.ParenthesizedExpression(scores.WithoutTrivia()) : scores.WithoutTrivia();
}
