using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Performance;

/// <summary>Removes the argument.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG2009_GradientsFilledWithZerosFix() : TorchCodeFix(RuleIds.GradientsFilledWithZeros, "Drop the gradients")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request) =>
        request.Node.FirstAncestorOrSelf<InvocationExpressionSyntax>() is { } call
        && call.Without(request.Model, "set_to_none") is { } shorter
            ? Fixable(Replace(request, call, shorter))
            : NotFixable;
}
