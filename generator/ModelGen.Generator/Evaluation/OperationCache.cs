using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace ModelGen.Generator.Evaluation;

/// <summary>What the evaluator asks the compiler about source code, remembered: binding a method is most of the cost of evaluating a model.</summary>
internal sealed class OperationCache(Compilation compilation, CancellationToken cancellation)
{
    private readonly Dictionary<SyntaxTree, SemanticModel> models = [];
    private readonly Dictionary<SyntaxNode, IOperation?> operations = [];
    private readonly Dictionary<SyntaxNode, string> texts = [];
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
            operations.Add(node, operation = Model(node).GetOperation(node, cancellation));
        }

        return operation;
    }

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
            text = string.Join(" ", node.ToString().Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries).Select(static line => line.Trim()));
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
