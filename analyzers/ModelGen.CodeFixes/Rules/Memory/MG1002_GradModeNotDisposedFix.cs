using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Memory;

/// <summary>Puts the result into a <c>using</c> declaration, which lasts to the end of the block.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG1002_GradModeNotDisposedFix() : TorchCodeFix(RuleIds.GradModeNotDisposed, "Restore the mode with using")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request) =>
        request.Node.FirstAncestorOrSelf<InvocationExpressionSyntax>() is { } call
        && UsingDeclarations.Rewrite(call, "mode", request) is { } rewrite
            ? Fixable(Replace(request, rewrite.Old, rewrite.New))
            : NotFixable;
}
