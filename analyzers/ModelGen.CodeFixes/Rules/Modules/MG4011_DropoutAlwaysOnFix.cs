using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Modules;

/// <summary>Passes the mode of the module.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG4011_DropoutAlwaysOnFix() : TorchCodeFix(RuleIds.DropoutAlwaysOn, "Follow the mode of the module")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (Marked(request) is not { } marked)
        {
            return NotFixable;
        }

        bool hidden = request.Model.LookupSymbols(marked.Syntax.SpanStart, name: "training").Any(symbol => symbol is ILocalSymbol or IParameterSymbol);
        return Fixable(Replace(request, marked.Syntax, TensorExpressions.AddArgument(marked.Syntax, TensorExpressions.NamedArgument("training", hidden ? "this.training" : "training"))));
    }
}
