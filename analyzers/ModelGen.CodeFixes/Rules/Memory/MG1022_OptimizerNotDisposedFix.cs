using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Memory;

/// <summary>Makes the local a <c>using</c> local.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG1022_OptimizerNotDisposedFix() : TorchCodeFix(RuleIds.OptimizerNotDisposed, "Dispose the optimizer with using")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request) =>
        request.Node.FirstAncestorOrSelf<InvocationExpressionSyntax>() is { } call
        && UsingDeclarations.Rewrite(call, "optimizer", request) is { } rewrite
            ? Fixable(Replace(request, rewrite.Old, rewrite.New))
            : NotFixable;
}
