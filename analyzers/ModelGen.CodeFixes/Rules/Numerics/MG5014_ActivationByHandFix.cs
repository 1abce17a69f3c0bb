using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;
using ModelGen.Analyzers.Rules.Numerics;

namespace ModelGen.CodeFixes.Rules.Numerics;

/// <summary>Writes <c>x.sigmoid()</c> or softplus.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG5014_ActivationByHandFix() : TorchCodeFix(RuleIds.ActivationByHand, "Use the activation")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request) =>
        Marked(request) is { } marked && MG5014_ActivationByHand.Match(marked.Operation, marked.Torch) is { } match
            ? Fixable(Replace(request, marked.Syntax, (match.IsSigmoid
                ? TensorExpressions.Call(match.Input.Unwrap().Syntax, "sigmoid")
                : TensorExpressions.Functional("softplus", TensorExpressions.Argument(match.Input.Unwrap().Syntax))).WithTriviaFrom(marked.Syntax)))
            : NotFixable;
}
