using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Memory;

/// <summary>Drops the <c>using</c> of the declaration.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG1031_UsingTensorReturnedFix() : TorchCodeFix(RuleIds.UsingTensorReturned, "Do not dispose the returned tensor")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        string name = request.Diagnostic.GetMessage(null).Split('\'')[1];
        return request.Node.FirstAncestorOrSelf<BaseMethodDeclarationSyntax>() is { } method
            && method.DescendantNodes().OfType<LocalDeclarationStatementSyntax>().Where(local => local.Declaration.Variables.Any(variable => variable.Identifier.ValueText == name)).ToList()
                is [{ UsingKeyword.RawKind: (int)SyntaxKind.UsingKeyword, Declaration.Variables.Count: 1 } declaration]
            ? Fixable(Replace(request, declaration, declaration.WithUsingKeyword(default).WithLeadingTrivia(declaration.GetLeadingTrivia())))
            : NotFixable;
    }
}
