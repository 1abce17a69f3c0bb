using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Memory;

/// <summary>Drops the <c>using</c> of a declaration, or the call of <c>Dispose()</c>.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG1009_InPlaceResultDisposedFix() : TorchCodeFix(RuleIds.InPlaceResultDisposed, "Do not dispose the result")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (request.Node.FirstAncestorOrSelf<InvocationExpressionSyntax>() is not { } call)
        {
            return NotFixable;
        }

        if (call.Parent is MemberAccessExpressionSyntax { Name.Identifier.ValueText: "Dispose", Parent: InvocationExpressionSyntax { Parent: ExpressionStatementSyntax } dispose })
        {
            return Fixable(Replace(request, dispose, call.WithTriviaFrom(dispose)));
        }

        return call.FirstAncestorOrSelf<StatementSyntax>() is LocalDeclarationStatementSyntax { UsingKeyword.RawKind: (int)SyntaxKind.UsingKeyword, Declaration.Variables.Count: 1 } declaration
            ? Fixable(Replace(request, declaration, WithoutUsing(declaration)))
            : NotFixable;
    }

    private static LocalDeclarationStatementSyntax WithoutUsing(LocalDeclarationStatementSyntax declaration) =>
        declaration.WithUsingKeyword(default).WithLeadingTrivia(declaration.GetLeadingTrivia());
}
