using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;
using ModelGen.Analyzers.Rules.Numerics;

namespace ModelGen.CodeFixes.Rules.Numerics;

/// <summary>Writes <c>x.log1p()</c>.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG5001_LogOfOnePlusFix() : TorchCodeFix(RuleIds.LogOfOnePlus, "Use log1p")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request) =>
        Marked(request) is { } marked && MG5001_LogOfOnePlus.Match(marked.Operation, marked.Torch) is { } match
            ? Fixable(Replace(request, marked.Syntax, TensorExpressions.Call(match.Unwrap().Syntax, "log1p").WithTriviaFrom(marked.Syntax)))
            : NotFixable;
}
