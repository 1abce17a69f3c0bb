using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Modules;

/// <summary>Drops <c>requires_grad: true</c>, or detaches the value.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG4018_ParameterOfNonLeafFix() : TorchCodeFix(RuleIds.ParameterOfNonLeaf, "Make the parameter a leaf")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (Marked(request) is not { } marked)
        {
            return NotFixable;
        }

        List<ArgumentSyntax> flags = [.. marked.Syntax.DescendantNodes().OfType<ArgumentSyntax>().Where(argument => argument.NameColon?.Name.Identifier.ValueText == "requires_grad")];
        return flags is [{ Parent: ArgumentListSyntax list } flag]
            ? Fixable(Replace(request, list, list.WithArguments(list.Arguments.Remove(flag))))
            : Fixable(Replace(request, marked.Syntax, TensorExpressions.Call(marked.Syntax, "detach").WithTriviaFrom(marked.Syntax)));
    }
}
