using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Numerics;

/// <summary>Converts the target to the element type that the loss takes.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG5016_TargetOfWrongTypeFix() : TorchCodeFix(RuleIds.TargetOfWrongType, "Convert the target")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (Marked(request) is not { } marked || marked.Syntax.FirstAncestorOrSelf<ArgumentSyntax>()?.Parent?.Parent is not InvocationExpressionSyntax call)
        {
            return NotFixable;
        }

        IOperation? loss = request.Model.GetOperation(call, request.Cancellation);
        bool binary = LossCalls.Of(loss, marked.Torch) is { Name: "binary_cross_entropy" or "binary_cross_entropy_with_logits" };
        return Fixable(Replace(request, marked.Syntax, TensorExpressions.Call(marked.Syntax, binary ? "@float" : "@long").WithTriviaFrom(marked.Syntax)));
    }
}
