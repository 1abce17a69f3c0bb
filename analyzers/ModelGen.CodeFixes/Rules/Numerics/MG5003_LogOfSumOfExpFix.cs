using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;
using ModelGen.Analyzers.Rules.Numerics;

namespace ModelGen.CodeFixes.Rules.Numerics;

/// <summary>Writes <c>x.logsumexp(dim)</c>.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG5003_LogOfSumOfExpFix() : TorchCodeFix(RuleIds.LogOfSumOfExp, "Use logsumexp")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request) =>
        Marked(request) is { } marked && MG5003_LogOfSumOfExp.Match(marked.Operation, marked.Torch) is { } match
            ? Fixable(Replace(request, marked.Syntax, TensorExpressions.Call(
                match.Input.Syntax,
                "logsumexp",
                match.KeepDimension is { } keep
                    ? [TensorExpressions.Argument(match.Dimension.Syntax), TensorExpressions.Argument(keep.Syntax, "keepdim")]
                    : [TensorExpressions.Argument(match.Dimension.Syntax)]).WithTriviaFrom(marked.Syntax)))
            : NotFixable;
}
