using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Numerics;

/// <summary>Writes log_softmax, when softmax stands in the argument.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG5010_LikelihoodOfProbabilitiesFix() : TorchCodeFix(RuleIds.LikelihoodOfProbabilities, "Use log_softmax")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request) =>
        Marked(request) is { } marked
        && TensorCalls.Of(marked.Operation, "softmax", marked.Torch) is { } softmax
        && softmax.Argument("dim") is { } dimension && softmax.Argument("dtype") is null
            ? Fixable(Replace(request, marked.Syntax, TensorExpressions.Call(softmax.Input.Syntax, "log_softmax", TensorExpressions.Argument(dimension.Syntax)).WithTriviaFrom(marked.Syntax)))
            : NotFixable;
}
