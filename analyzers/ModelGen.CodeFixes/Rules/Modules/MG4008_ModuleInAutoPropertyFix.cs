using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.Simplification;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Modules;

/// <summary>Gives the backing field a component name.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG4008_ModuleInAutoPropertyFix() : TorchCodeFix(RuleIds.ModuleInAutoProperty, "Name the component after the property")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (request.Node.FirstAncestorOrSelf<PropertyDeclarationSyntax>() is not { } property)
        {
            return NotFixable;
        }

        AttributeSyntax name = SyntaxFactory.Attribute(
            SyntaxFactory.ParseName("TorchSharp.Utils.ComponentName").WithAdditionalAnnotations(Simplifier.Annotation),
            SyntaxFactory.ParseAttributeArgumentList($"(Name = \"{property.Identifier.ValueText}\")"));
        SyntaxTriviaList end = property.GetLeadingTrivia().Any(trivia => trivia.IsKind(SyntaxKind.WhitespaceTrivia))
            ? SyntaxFactory.TriviaList(SyntaxFactory.EndOfLine("\n"))
            : SyntaxFactory.TriviaList(SyntaxFactory.Space);
        AttributeListSyntax list = SyntaxFactory.AttributeList(SyntaxFactory.SingletonSeparatedList(name))
            .WithTarget(SyntaxFactory.AttributeTargetSpecifier(SyntaxFactory.Token(SyntaxKind.FieldKeyword)).WithTrailingTrivia(SyntaxFactory.Space))
            .WithLeadingTrivia(property.GetLeadingTrivia())
            .WithTrailingTrivia(end);
        IEnumerable<SyntaxTrivia> indentation = property.GetLeadingTrivia().Reverse().TakeWhile(trivia => trivia.IsKind(SyntaxKind.WhitespaceTrivia));
        PropertyDeclarationSyntax changed = property.WithLeadingTrivia(indentation);
        return Fixable(Replace(request, property, changed.WithAttributeLists(changed.AttributeLists.Insert(0, list))));
    }
}
