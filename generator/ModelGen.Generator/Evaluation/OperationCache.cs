using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace ModelGen.Generator.Evaluation;

/// <summary>What the evaluator asks the compiler about source code, remembered: binding a method is most of the cost of evaluating a model.</summary>
internal sealed class OperationCache(Compilation compilation, CancellationToken cancellation)
{
    private readonly Dictionary<SyntaxTree, SemanticModel> models = [];
    private readonly Dictionary<SyntaxNode, IOperation?> operations = [];
    private readonly Dictionary<ISymbol, bool> assigned = new(SymbolEqualityComparer.Default);
    private readonly Dictionary<SyntaxNode, string> texts = [];
    private readonly Dictionary<SyntaxNode, bool> functions = [];
    private readonly Dictionary<ISymbol, string> typeNames = new(SymbolEqualityComparer.Default);

    public Compilation Compilation => compilation;

    public CancellationToken Cancellation => cancellation;

    /// <summary>Models of the sources that were looked at.</summary>
    public IEnumerable<SemanticModel> Models => models.Values;

    public SemanticModel Model(SyntaxNode node)
    {
        if (!models.TryGetValue(node.SyntaxTree, out SemanticModel model))
        {
            models.Add(node.SyntaxTree, model = compilation.GetSemanticModel(node.SyntaxTree));
        }

        return model;
    }

    public IOperation? Operation(SyntaxNode node)
    {
        if (!operations.TryGetValue(node, out IOperation? operation))
        {
            SyntaxNode bound = node;

            // `x!` and `(x)` have no operation of their own.
            while (bound is ParenthesizedExpressionSyntax or PostfixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.SuppressNullableWarningExpression })
            {
                bound = bound is ParenthesizedExpressionSyntax inner ? inner.Expression : ((PostfixUnaryExpressionSyntax)bound).Operand;
            }

            operations.Add(node, operation = Model(node).GetOperation(bound, cancellation));
        }

        return operation;
    }

    /// <summary>Whether code may write to a static field or property after its initialiser: code of this project does, or other projects can.</summary>
    public bool MayBeAssigned(ISymbol member)
    {
        if (!assigned.TryGetValue(member, out bool written))
        {
            bool open = compilation.Options.OutputKind == OutputKind.DynamicallyLinkedLibrary;
            for (ISymbol? part = member; open && part is not null and not INamespaceSymbol; part = part.ContainingSymbol)
            {
                open = part.DeclaredAccessibility is Accessibility.Public or Accessibility.Protected or Accessibility.ProtectedOrInternal;
            }

            written = open || compilation.SyntaxTrees.Any(tree => tree.GetRoot(cancellation).DescendantNodes().Any(node => node is IdentifierNameSyntax name && name.Identifier.ValueText == member.Name && IsWritten(name) && Names(name, member)));
            assigned.Add(member, written);
        }

        return written;
    }

    private bool Names(SyntaxNode name, ISymbol member) =>
        Model(name).GetSymbolInfo(name, cancellation).Symbol is not { } symbol || SymbolEqualityComparer.Default.Equals(symbol.OriginalDefinition, member.OriginalDefinition);

    /// <summary>Whether a name stands where its variable is changed.</summary>
    private static bool IsWritten(SyntaxNode name)
    {
        SyntaxNode target = name.Parent is MemberAccessExpressionSyntax access && access.Name == name ? access : name;
        return target.Parent switch
        {
            AssignmentExpressionSyntax assignment => assignment.Left == target,
            PrefixUnaryExpressionSyntax unary => unary.IsKind(SyntaxKind.PreIncrementExpression) || unary.IsKind(SyntaxKind.PreDecrementExpression) || unary.IsKind(SyntaxKind.AddressOfExpression),
            PostfixUnaryExpressionSyntax unary => !unary.IsKind(SyntaxKind.SuppressNullableWarningExpression),
            ArgumentSyntax argument => !argument.RefKindKeyword.IsKind(SyntaxKind.None) || argument.Parent is TupleExpressionSyntax { Parent: AssignmentExpressionSyntax },
            RefExpressionSyntax => true,
            _ => false,
        };
    }

    /// <summary>Whether lambdas or local functions stand inside, which may keep variables declared there.</summary>
    public bool HasFunctions(SyntaxNode node)
    {
        if (!functions.TryGetValue(node, out bool has))
        {
            functions.Add(node, has = node.DescendantNodes().Any(static inner => inner is AnonymousFunctionExpressionSyntax or LocalFunctionStatementSyntax or QueryExpressionSyntax));
        }

        return has;
    }

    /// <summary>A type by its metadata name.</summary>
    public INamedTypeSymbol? TypeOf(string metadataName) => compilation.GetTypeByMetadataName(metadataName);

    /// <summary>Full name of a type without type arguments: <c>System.Collections.Generic.List</c>.</summary>
    public string NameOf(ITypeSymbol? type)
    {
        if (type is null)
        {
            return "";
        }

        ITypeSymbol definition = type.OriginalDefinition;
        if (!typeNames.TryGetValue(definition, out string name))
        {
            typeNames.Add(definition, name = Name(definition));
        }

        return name;
    }

    /// <summary>The user's expression on one line, for comments.</summary>
    public string Text(SyntaxNode node)
    {
        if (!texts.TryGetValue(node, out string text))
        {
            text = node.ToString();
            if (text.Contains("//") || text.Contains("/*"))
            {
                // Comments inside would swallow what follows them on one line, and moving them is no change.
                text = node.ReplaceTrivia(
                    node.DescendantTrivia().Where(static trivia => trivia.IsKind(SyntaxKind.SingleLineCommentTrivia) || trivia.IsKind(SyntaxKind.MultiLineCommentTrivia)),
                    static (_, _) => SyntaxFactory.Space).ToString();
            }

            text = string.Join(" ", text.Split(['\r', '\n', '\t', ' '], StringSplitOptions.RemoveEmptyEntries)).Replace("( ", "(").Replace(" .", ".");
            texts.Add(node, text = text.Length > 120 ? text.Substring(0, 117) + "..." : text);
        }

        return text;
    }

    /// <summary>The statement that a declarator stands in.</summary>
    public string StatementText(SyntaxNode node) => Text(node.FirstAncestorOrSelf<LocalDeclarationStatementSyntax>() ?? node).TrimEnd(';');

    private static string Name(ITypeSymbol type) => type switch
    {
        IArrayTypeSymbol => "[]",
        { ContainingType: { } outer } => Name(outer) + "." + type.Name,
        { ContainingNamespace: { IsGlobalNamespace: false } space } => space.ToDisplayString() + "." + type.Name,
        _ => type.Name,
    };
}
