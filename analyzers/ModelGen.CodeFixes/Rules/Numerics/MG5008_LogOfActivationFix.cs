using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;
using ModelGen.Analyzers.Rules.Numerics;

namespace ModelGen.CodeFixes.Rules.Numerics;

/// <summary>Writes the activation that contains the logarithm, when it is applied in the argument.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG5008_LogOfActivationFix() : TorchCodeFix(RuleIds.LogOfActivation, "Use the logarithmic activation")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (Marked(request) is not { } marked
            || MG5008_LogOfActivation.Match(marked.Operation, marked.Torch) is not { } activation
            || !marked.Syntax.Span.Contains(activation.Call.Syntax.Span))
        {
            return NotFixable;
        }

        if (activation.Name == "sigmoid")
        {
            return Fixable(Replace(request, marked.Syntax, TensorExpressions.Functional("logsigmoid", TensorExpressions.Argument(activation.Input.Syntax)).WithTriviaFrom(marked.Syntax)));
        }

        return activation.Argument("dim") is { } dimension && activation.Argument("dtype") is null
            ? Fixable(Replace(request, marked.Syntax, TensorExpressions.Call(activation.Input.Syntax, "log_softmax", TensorExpressions.Argument(dimension.Syntax)).WithTriviaFrom(marked.Syntax)))
            : NotFixable;
    }
}
