using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.Simplification;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Modules;

/// <summary>Changes the type of the field and wraps its value.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG4004_TrainableTensorFieldFix() : TorchCodeFix(RuleIds.TrainableTensorField, "Make it a Parameter")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (Marked(request) is not { } marked
            || request.Root.FindNode(request.Diagnostic.AdditionalLocations[0].SourceSpan) is not VariableDeclaratorSyntax { Parent: VariableDeclarationSyntax { Variables.Count: 1 } declaration } variable
            || request.Model.GetDeclaredSymbol(variable, request.Cancellation) is not IFieldSymbol { DeclaredAccessibility: Accessibility.Private, ContainingType.DeclaringSyntaxReferences.Length: 1 } field
            || declaration.Parent?.Parent is not TypeDeclarationSyntax type
            || Writes(type, field, request) != (variable.Initializer is null ? 1 : 0))
        {
            return NotFixable;
        }

        TypeSyntax parameter = SyntaxFactory.ParseTypeName("TorchSharp.Modules.Parameter").WithAdditionalAnnotations(Simplifier.Annotation).WithTriviaFrom(declaration.Type);
        ExpressionSyntax value = TensorExpressions.Static("TorchSharp.torch.nn", "Parameter", TensorExpressions.Argument(marked.Syntax)).WithTriviaFrom(marked.Syntax);
        var changes = new Dictionary<SyntaxNode, SyntaxNode> { [declaration.Type] = parameter, [marked.Syntax] = value };
        SyntaxNode root = request.Root.ReplaceNodes(changes.Keys, (old, _) => changes[old]);
        return Fixable(_ => Task.FromResult(request.Document.WithSyntaxRoot(root).Project.Solution));
    }

    private static int Writes(TypeDeclarationSyntax type, IFieldSymbol field, FixRequest request) =>
        type.DescendantNodes().OfType<IdentifierNameSyntax>().Count(name =>
            name.Identifier.ValueText == field.Name
            && SymbolEqualityComparer.Default.Equals(request.Model.GetSymbolInfo(name, request.Cancellation).Symbol, field)
            && ((name.Parent is MemberAccessExpressionSyntax { Expression: ThisExpressionSyntax } access ? access : (ExpressionSyntax)name) is var mention)
            && (mention.Parent is AssignmentExpressionSyntax assignment && assignment.Left == mention || mention.Parent is ArgumentSyntax { RefKindKeyword.RawKind: not 0 }));
}
