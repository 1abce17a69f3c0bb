using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Numerics;

/// <summary>Writes the default value, so that the code does what it did.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG5007_KlTargetSpaceNotStatedFix() : TorchCodeFix(RuleIds.KlTargetSpaceNotStated, "State log_target: true")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request) =>
        Marked(request) is { } marked
            ? Fixable(Replace(request, marked.Syntax, TensorExpressions.AddArgument(marked.Syntax, TensorExpressions.NamedArgument("log_target", "true"))))
            : NotFixable;
}
