using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace ModelGen.CodeFixes;

/// <summary>Places a new statement beside an existing one.</summary>
internal static class StatementTrivia
{
    /// <summary>Indents and ends the statement as its neighbour does, without copying the neighbour's comments.</summary>
    public static StatementSyntax LikeNeighbour(this StatementSyntax statement, StatementSyntax neighbour)
    {
        IEnumerable<SyntaxTrivia> indentation = neighbour.GetLeadingTrivia().Reverse().TakeWhile(trivia => trivia.IsKind(SyntaxKind.WhitespaceTrivia));
        IEnumerable<SyntaxTrivia> end = neighbour.GetTrailingTrivia().Where(trivia => trivia.IsKind(SyntaxKind.EndOfLineTrivia)).DefaultIfEmpty(SyntaxFactory.Space);
        return statement.WithLeadingTrivia(indentation).WithTrailingTrivia(end);
    }
}
