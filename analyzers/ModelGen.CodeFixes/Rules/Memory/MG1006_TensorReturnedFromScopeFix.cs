using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Memory;

/// <summary>Hands the returned tensor to the caller's scope.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG1006_TensorReturnedFromScopeFix() : TorchCodeFix(RuleIds.TensorReturnedFromScope, "Move the tensor to the outer dispose scope")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (request.Node is ArgumentSyntax { Expression: { } element })
        {
            return Apply(request, element);
        }

        return request.Node is ExpressionSyntax expression ? Apply(request, expression) : NotFixable;
    }

    private static Task<Func<CancellationToken, Task<Solution>>?> Apply(FixRequest request, ExpressionSyntax expression) =>
        Fixable(Replace(request, expression, expression.Call("MoveToOuterDisposeScope").WithTriviaFrom(expression)));
}
