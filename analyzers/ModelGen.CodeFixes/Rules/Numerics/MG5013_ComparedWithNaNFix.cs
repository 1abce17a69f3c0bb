using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;
using ModelGen.Analyzers.Rules.Numerics;

namespace ModelGen.CodeFixes.Rules.Numerics;

/// <summary>Writes <c>x.isnan()</c>.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG5013_ComparedWithNaNFix() : TorchCodeFix(RuleIds.ComparedWithNaN, "Use isnan()")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request) =>
        Marked(request) is { } marked && MG5013_ComparedWithNaN.Match(marked.Operation, marked.Torch) is { } match
            ? Fixable(Replace(request, marked.Syntax, (match.Equal
                ? TensorExpressions.Call(match.Tensor.Unwrap().Syntax, "isnan")
                : TensorExpressions.Call(TensorExpressions.Call(match.Tensor.Unwrap().Syntax, "isnan"), "logical_not")).WithTriviaFrom(marked.Syntax)))
            : NotFixable;
}
