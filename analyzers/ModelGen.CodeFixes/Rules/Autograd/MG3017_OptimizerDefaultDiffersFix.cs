using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;
using ModelGen.Analyzers.Rules.Autograd;

namespace ModelGen.CodeFixes.Rules.Autograd;

/// <summary>Writes the value that the default has, so that the code does what it did.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG3017_OptimizerDefaultDiffersFix() : TorchCodeFix(RuleIds.OptimizerDefaultDiffers, "State the default")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request) =>
        Marked(request) is { } marked && MG3017_OptimizerDefaultDiffers.Match(marked.Operation, marked.Torch) is var (_, parameter, value, _)
            ? Fixable(Replace(request, marked.Syntax, TensorExpressions.AddArgument(marked.Syntax, TensorExpressions.NamedArgument(parameter, value))))
            : NotFixable;
}
