using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Simplification;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Modules;

/// <summary>
/// Turns a private <c>List&lt;M&gt;</c> into a <c>ModuleList&lt;M&gt;</c>, and a private <c>Dictionary&lt;string, M&gt;</c> into a
/// <c>ModuleDict&lt;M&gt;</c>, when every use of the field means the same on the new type.
/// </summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG4003_ModuleCollectionNotRegisteredFix() : TorchCodeFix(RuleIds.ModuleCollectionNotRegistered, "Use a registered module collection")
{
    private static readonly HashSet<string> s_listMembers = ["Add", "Count", "Clear", "Insert", "Contains", "IndexOf", "RemoveAt"];

    private static readonly HashSet<string> s_dictionaryMembers = ["Add", "ContainsKey", "TryGetValue"];

    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (request.Node is not VariableDeclaratorSyntax { Parent: VariableDeclarationSyntax { Variables.Count: 1, Parent: FieldDeclarationSyntax field } declaration } variable
            || request.Model.GetDeclaredSymbol(variable, request.Cancellation) is not IFieldSymbol { DeclaredAccessibility: Accessibility.Private, Type: INamedTypeSymbol type } symbol
            || symbol.ContainingType.DeclaringSyntaxReferences.Length != 1
            || NewTypeName(type) is not { } newType)
        {
            return NotFixable;
        }

        TypeSyntax typeSyntax = SyntaxFactory.ParseTypeName(newType).WithAdditionalAnnotations(Simplifier.Annotation);
        var changes = new Dictionary<SyntaxNode, SyntaxNode> { [declaration.Type] = typeSyntax.WithTriviaFrom(declaration.Type) };
        if ((variable.Initializer is { } initializer && !TryChangeCreation(initializer.Value, typeSyntax, changes))
            || !field.Parent!.DescendantNodes().OfType<IdentifierNameSyntax>()
                .Where(name => name.Identifier.ValueText == symbol.Name
                    && SymbolEqualityComparer.Default.Equals(request.Model.GetSymbolInfo(name, request.Cancellation).Symbol, symbol))
                .All(name => TryChangeUse(name, type, typeSyntax, changes)))
        {
            return NotFixable;
        }

        SyntaxNode root = request.Root.ReplaceNodes(changes.Keys, (old, _) => changes[old]);
        return Fixable(_ => Task.FromResult(request.Document.WithSyntaxRoot(root).Project.Solution));
    }

    private static string? NewTypeName(INamedTypeSymbol type) => type.OriginalDefinition.ToDisplayString() switch
    {
        _ when type.TypeArguments.IsEmpty || type.IsTupleType || type.TypeArguments[^1] is { IsTupleType: true } or { Name: "Parameter" } or IArrayTypeSymbol => null,
        _ when CollectionUses.ElementsOf(type.TypeArguments[^1]) is not null => null,
        "System.Collections.Generic.List<T>" => $"TorchSharp.Modules.ModuleList<{Element(type)}>",
        "System.Collections.Generic.Dictionary<TKey, TValue>" when type.TypeArguments[0].SpecialType == SpecialType.System_String
            => $"TorchSharp.Modules.ModuleDict<{Element(type)}>",
        _ => null,
    };

    private static string Element(INamedTypeSymbol type) => type.TypeArguments[^1].ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat).Replace("global::", "");

    private static bool TryChangeUse(IdentifierNameSyntax name, INamedTypeSymbol type, TypeSyntax newType, Dictionary<SyntaxNode, SyntaxNode> changes)
    {
        ExpressionSyntax use = name.Parent is MemberAccessExpressionSyntax { Expression: ThisExpressionSyntax } qualified ? qualified : name;
        bool isList = type.TypeArguments.Length == 1;
        return use.Parent switch
        {
            AssignmentExpressionSyntax assignment when assignment.Left == use => TryChangeCreation(assignment.Right, newType, changes),
            MemberAccessExpressionSyntax access when access.Expression == use => (isList ? s_listMembers : s_dictionaryMembers).Contains(access.Name.Identifier.ValueText),
            ElementAccessExpressionSyntax { ArgumentList.Arguments: [{ Expression: not (PrefixUnaryExpressionSyntax or RangeExpressionSyntax) }] } element
                => element.Expression == use && (isList || element.Parent is not AssignmentExpressionSyntax assignment || assignment.Left != element),
            ForEachStatementSyntax loop => isList && loop.Expression == use,
            _ => false,
        };
    }

    /// <summary><c>new()</c>, <c>new List&lt;M&gt;()</c> with or without an initializer of plain elements.</summary>
    private static bool TryChangeCreation(ExpressionSyntax value, TypeSyntax newType, Dictionary<SyntaxNode, SyntaxNode> changes)
    {
        if (value is not BaseObjectCreationExpressionSyntax { ArgumentList: null or { Arguments.Count: 0 } } creation
            || creation.Initializer is { } initializer && !initializer.IsKind(SyntaxKind.CollectionInitializerExpression))
        {
            return false;
        }

        if (creation is ObjectCreationExpressionSyntax named)
        {
            changes[named.Type] = newType.WithTriviaFrom(named.Type);
        }

        return true;
    }
}
