using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Autograd;

/// <summary>Puts the statement under <c>no_grad()</c>.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG3013_LeafChangedInPlaceFix() : TorchCodeFix(RuleIds.LeafChangedInPlace, "Change it under no_grad()")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (Marked(request)?.Syntax is not { Parent: ExpressionStatementSyntax statement })
        {
            return NotFixable;
        }

        StatementSyntax quiet = SyntaxFactory.UsingStatement(
            null,
            TensorExpressions.Static("TorchSharp.torch", "no_grad"),
            SyntaxFactory.Block(SyntaxFactory.Token(SyntaxKind.OpenBraceToken).WithTrailingTrivia(SyntaxFactory.Space), [statement.WithoutTrivia()], SyntaxFactory.Token(SyntaxKind.CloseBraceToken).WithLeadingTrivia(SyntaxFactory.Space))
                .WithLeadingTrivia(SyntaxFactory.Space))
            .WithUsingKeyword(SyntaxFactory.Token(SyntaxKind.UsingKeyword).WithTrailingTrivia(SyntaxFactory.Space));
        return Fixable(Replace(request, statement, quiet.WithTriviaFrom(statement)));
    }
}
