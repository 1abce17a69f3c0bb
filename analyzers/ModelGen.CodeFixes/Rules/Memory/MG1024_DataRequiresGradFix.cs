using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Memory;

/// <summary>Removes the argument.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG1024_DataRequiresGradFix() : TorchCodeFix(RuleIds.DataRequiresGrad, "Remove requires_grad")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request) =>
        request.Node.FirstAncestorOrSelf<InvocationExpressionSyntax>() is { } call
        && call.Without(request.Model, "requires_grad") is { } shorter
            ? Fixable(Replace(request, call, shorter))
            : NotFixable;
}
