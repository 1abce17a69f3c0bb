using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Memory;

/// <summary>Appends <c>detach()</c>.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG1011_GraphKeptFix() : TorchCodeFix(RuleIds.GraphKept, "Keep the loss without its graph")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        SyntaxNode node = request.Node is ArgumentSyntax argument ? argument.Expression : request.Node;
        return node is IdentifierNameSyntax loss ? Fixable(Replace(request, loss, loss.Call("detach").WithTriviaFrom(loss))) : NotFixable;
    }
}
