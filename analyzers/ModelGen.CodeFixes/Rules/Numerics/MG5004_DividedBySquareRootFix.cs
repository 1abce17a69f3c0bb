using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;
using ModelGen.Analyzers.Rules.Numerics;

namespace ModelGen.CodeFixes.Rules.Numerics;

/// <summary>Writes <c>a * b.rsqrt()</c>.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG5004_DividedBySquareRootFix() : TorchCodeFix(RuleIds.DividedBySquareRoot, "Multiply with rsqrt")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request) =>
        Marked(request) is { } marked && marked.Syntax is BinaryExpressionSyntax && MG5004_DividedBySquareRoot.Match(marked.Operation, marked.Torch) is { } match
            ? Fixable(Replace(request, marked.Syntax, Product(match.Dividend?.Syntax, match.Radicand.Syntax).WithTriviaFrom(marked.Syntax)))
            : NotFixable;

    /// <summary>The product, in the place of a quotient: both bind alike, so that only a call needs parentheses around its operands.</summary>
    private static ExpressionSyntax Product(SyntaxNode? dividend, SyntaxNode radicand)
    {
        ExpressionSyntax root = TensorExpressions.Call(radicand, "rsqrt");
        return dividend is not ExpressionSyntax left
            ? root
            : SyntaxFactory.BinaryExpression(SyntaxKind.MultiplyExpression, Operand(left), SyntaxFactory.Token(SyntaxKind.AsteriskToken).WithLeadingTrivia(SyntaxFactory.Space).WithTrailingTrivia(SyntaxFactory.Space), root);
    }

    private static ExpressionSyntax Operand(ExpressionSyntax left) =>
        left.WithoutTrivia() is BinaryExpressionSyntax { RawKind: not ((int)SyntaxKind.MultiplyExpression or (int)SyntaxKind.DivideExpression) } sum
            ? SyntaxFactory.ParenthesizedExpression(sum)
            : left.WithoutTrivia();
}
