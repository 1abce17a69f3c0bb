using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace ModelGen.Generator.Parsing;

/// <summary>Small questions about syntax.</summary>
internal static class Syntax
{
    /// <summary>The block or expression that a member runs, or null when it has none.</summary>
    public static SyntaxNode? BodyOf(SyntaxNode declaration) => declaration switch
    {
        MethodDeclarationSyntax method => method.Body ?? (SyntaxNode?)method.ExpressionBody?.Expression,
        OperatorDeclarationSyntax function => function.Body ?? (SyntaxNode?)function.ExpressionBody?.Expression,
        ConversionOperatorDeclarationSyntax function => function.Body ?? (SyntaxNode?)function.ExpressionBody?.Expression,
        IndexerDeclarationSyntax indexer => indexer.ExpressionBody?.Expression
            ?? indexer.AccessorList?.Accessors.Where(static accessor => accessor.Keyword.Text == "get").Select(BodyOf).FirstOrDefault(),
        LocalFunctionStatementSyntax function => function.Body ?? (SyntaxNode?)function.ExpressionBody?.Expression,
        ConstructorDeclarationSyntax constructor => constructor.Body ?? (SyntaxNode?)constructor.ExpressionBody?.Expression,
        AccessorDeclarationSyntax accessor => accessor.Body ?? (SyntaxNode?)accessor.ExpressionBody?.Expression,
        PropertyDeclarationSyntax property => property.ExpressionBody?.Expression
            ?? property.AccessorList?.Accessors.Where(static accessor => accessor.Keyword.Text == "get").Select(BodyOf).FirstOrDefault(),
        ArrowExpressionClauseSyntax arrow => arrow.Expression,
        AnonymousFunctionExpressionSyntax lambda => lambda.Body,
        _ => null,
    };

    /// <summary>The body of a property's setter, or null when it is automatic.</summary>
    public static SyntaxNode? SetterOf(SyntaxNode declaration) => declaration switch
    {
        AccessorDeclarationSyntax accessor => BodyOf(accessor),
        PropertyDeclarationSyntax property => property.AccessorList?.Accessors.Where(static accessor => accessor.Keyword.Text is "set" or "init").Select(BodyOf).FirstOrDefault(),
        _ => null,
    };

    /// <summary>Whether a body holds <c>yield</c>, those of functions inside it aside.</summary>
    public static bool IsIterator(SyntaxNode body) =>
        body.DescendantNodes(static node => node is not (LocalFunctionStatementSyntax or AnonymousFunctionExpressionSyntax)).Any(static node => node is YieldStatementSyntax);

    /// <summary>Whether a function may change what is declared outside of it: by assignments, by counting, or by the methods that change collections.</summary>
    public static bool ChangesOthers(SyntaxNode body)
    {
        HashSet<string> own = [.. body.DescendantNodes().OfType<VariableDeclaratorSyntax>().Select(static variable => variable.Identifier.Text)];
        bool IsOther(ExpressionSyntax target) => target is not IdentifierNameSyntax name || !own.Contains(name.Identifier.Text);
        return body.DescendantNodesAndSelf().Any(node => node switch
        {
            AssignmentExpressionSyntax { Parent: not InitializerExpressionSyntax } assignment => assignment.Left is not (TupleExpressionSyntax or DeclarationExpressionSyntax) && IsOther(assignment.Left),
            PostfixUnaryExpressionSyntax { OperatorToken.Text: "++" or "--" } count => IsOther(count.Operand),
            PrefixUnaryExpressionSyntax { OperatorToken.Text: "++" or "--" } count => IsOther(count.Operand),
            InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Name.Identifier.Text: "Add" or "Push" or "Pop" or "Enqueue" or "Dequeue" or "Insert" or "Remove" or "RemoveAt" or "Clear" } } => true,
            _ => false,
        });
    }

    /// <summary>The initial value of a field or property, or null when it has none.</summary>
    public static ExpressionSyntax? InitializerOf(SyntaxNode declaration) => declaration switch
    {
        VariableDeclaratorSyntax variable => variable.Initializer?.Value,
        PropertyDeclarationSyntax property => property.Initializer?.Value,
        _ => null,
    };
}
