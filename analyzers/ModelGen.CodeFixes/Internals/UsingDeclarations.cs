using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Formatting;

namespace ModelGen.CodeFixes;

/// <summary>Turns a dropped disposable into a <c>using</c> declaration.</summary>
internal static class UsingDeclarations
{
    /// <summary>
    /// The statement to replace and its replacement for a call whose result is dropped or kept in a plain local; null
    /// where a using declaration is not allowed, or where the local is assigned again (a using local is read-only).
    /// </summary>
    public static (StatementSyntax Old, StatementSyntax New)? Rewrite(ExpressionSyntax call, string localName, FixRequest request)
    {
        StatementSyntax? statement = call.FirstAncestorOrSelf<StatementSyntax>();
        if (statement is null || !AllowsUsingDeclaration(statement))
        {
            return null;
        }

        return statement switch
        {
            LocalDeclarationStatementSyntax { Declaration.Variables.Count: 1 } declaration
                when declaration.Declaration.Variables[0].Initializer?.Value == call && !IsReassigned(declaration)
                => (declaration, WithUsing(declaration)),
            ExpressionStatementSyntax expression when IsDropped(expression.Expression, call)
                => (expression, Declare(UniqueName(request.Model, call.SpanStart, localName), call).WithTriviaFrom(expression)),
            _ => null,
        };
    }

    /// <summary><c>using var name = value;</c></summary>
    public static LocalDeclarationStatementSyntax Declare(string name, ExpressionSyntax value) =>
        ((LocalDeclarationStatementSyntax)SyntaxFactory.ParseStatement($"using var {name} = {value.WithoutTrivia()};"))
        .WithAdditionalAnnotations(Formatter.Annotation);

    /// <summary>A name that no variable visible at a position has, and that the member does not mention.</summary>
    public static string UniqueName(SemanticModel model, int position, string wanted)
    {
        SyntaxNode? scope = model.SyntaxTree.GetRoot().FindToken(position).Parent?.FirstAncestorOrSelf<MemberDeclarationSyntax>();
        var taken = new HashSet<string>(model.LookupSymbols(position).Where(symbol => symbol is not IMethodSymbol).Select(symbol => symbol.Name));
        taken.UnionWith(scope?.DescendantTokens().Where(token => token.IsKind(SyntaxKind.IdentifierToken)).Select(token => token.ValueText) ?? []);
        string name = wanted;
        for (int number = 2; taken.Contains(name); number++)
        {
            name = wanted + number;
        }

        return name;
    }

    private static bool AllowsUsingDeclaration(StatementSyntax statement) => statement.Parent is BlockSyntax or GlobalStatementSyntax;

    private static bool IsDropped(ExpressionSyntax expression, ExpressionSyntax call) =>
        expression == call
        || (expression is AssignmentExpressionSyntax { Left: IdentifierNameSyntax { Identifier.ValueText: "_" } } assignment && assignment.Right == call);

    private static bool IsReassigned(LocalDeclarationStatementSyntax declaration)
    {
        string name = declaration.Declaration.Variables[0].Identifier.ValueText;
        return declaration.Parent!.DescendantNodes().OfType<IdentifierNameSyntax>().Any(identifier =>
            identifier.Identifier.ValueText == name
            && (identifier.Parent is AssignmentExpressionSyntax assignment && assignment.Left == identifier
                || identifier.Parent is ArgumentSyntax { RefKindKeyword.RawKind: not 0 }));
    }

    private static LocalDeclarationStatementSyntax WithUsing(LocalDeclarationStatementSyntax declaration) =>
        declaration.WithoutLeadingTrivia()
            .WithUsingKeyword(SyntaxFactory.Token(SyntaxKind.UsingKeyword).WithTrailingTrivia(SyntaxFactory.Space))
            .WithLeadingTrivia(declaration.GetLeadingTrivia());
}
