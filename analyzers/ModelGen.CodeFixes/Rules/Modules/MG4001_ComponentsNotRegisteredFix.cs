using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.FindSymbols;
using Microsoft.CodeAnalysis.Formatting;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Modules;

/// <summary>Calls <c>RegisterComponents()</c> at the end of every constructor of the class that does not delegate to another.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG4001_ComponentsNotRegisteredFix() : TorchCodeFix(RuleIds.ComponentsNotRegistered, "Call RegisterComponents() in the constructor")
{
    protected override async Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        SyntaxNode node = request.Node is ArgumentSyntax argument ? argument.Expression : request.Node;
        if (request.Model.GetTypeInfo(node, request.Cancellation).Type is not INamedTypeSymbol { DeclaringSyntaxReferences.Length: 1 } type
            || await type.DeclaringSyntaxReferences[0].GetSyntaxAsync(request.Cancellation).ConfigureAwait(false) is not ClassDeclarationSyntax { ParameterList: null } declaration
            || request.Document.Project.Solution.GetDocument(declaration.SyntaxTree) is not { } document
            || await HasDerivedClassesAsync(type, request).ConfigureAwait(false))
        {
            return null;
        }

        List<ConstructorDeclarationSyntax> constructors = [.. declaration.Members.OfType<ConstructorDeclarationSyntax>()
            .Where(constructor => !constructor.Modifiers.Any(SyntaxKind.StaticKeyword) && !constructor.Initializer.IsKind(SyntaxKind.ThisConstructorInitializer))];
        return constructors.Count > 0 && constructors.All(CanAppend) ? cancellation => ApplyAsync(document, constructors, cancellation) : null;
    }

    /// <summary>A base constructor that registers would hide the fields that a derived constructor sets later.</summary>
    private static async Task<bool> HasDerivedClassesAsync(INamedTypeSymbol type, FixRequest request) =>
        !type.IsSealed
        && (await SymbolFinder.FindDerivedClassesAsync(type, request.Document.Project.Solution, cancellationToken: request.Cancellation).ConfigureAwait(false)).Any();

    /// <summary>A body without early returns, so that its end is always reached.</summary>
    private static bool CanAppend(ConstructorDeclarationSyntax constructor) =>
        constructor.Body is { } body
        && !body.DescendantNodes(node => node is not (AnonymousFunctionExpressionSyntax or LocalFunctionStatementSyntax)).OfType<ReturnStatementSyntax>().Any();

    private static async Task<Solution> ApplyAsync(Document document, List<ConstructorDeclarationSyntax> constructors, CancellationToken cancellation)
    {
        SyntaxNode root = (await document.GetSyntaxRootAsync(cancellation).ConfigureAwait(false))!;
        SyntaxNode changed = root.ReplaceNodes(constructors, (_, constructor) => constructor.AddBodyStatements(RegisterCall(constructor.Body!)));
        return document.WithSyntaxRoot(changed).Project.Solution;
    }

    /// <summary>The statement, on a line of its own where the body has lines.</summary>
    private static StatementSyntax RegisterCall(BlockSyntax body) =>
        SyntaxFactory.ParseStatement("RegisterComponents();")
            .WithTrailingTrivia(body.OpenBraceToken.TrailingTrivia.Where(trivia => trivia.IsKind(SyntaxKind.EndOfLineTrivia)).DefaultIfEmpty(SyntaxFactory.Space))
            .WithAdditionalAnnotations(Formatter.Annotation);
}
