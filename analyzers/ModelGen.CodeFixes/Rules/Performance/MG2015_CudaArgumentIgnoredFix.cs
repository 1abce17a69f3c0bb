using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Performance;

/// <summary>Writes the call of <c>to</c> that does what was meant.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG2015_CudaArgumentIgnoredFix() : TorchCodeFix(RuleIds.CudaArgumentIgnored, "Call to with the device")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (request.Node.FirstAncestorOrSelf<InvocationExpressionSyntax>() is not { Expression: MemberAccessExpressionSyntax method, ArgumentList.Arguments: [{ } first, ..] arguments } call)
        {
            return NotFixable;
        }

        string? changed = method.Name.Identifier.ValueText == "to"
            ? first.Expression is IdentifierNameSyntax other ? $"{other}.dtype, {other}.device, non_blocking: true" : null
            : first.NameColon?.Name.Identifier.ValueText == "non_blocking" ? "torch.CUDA, non_blocking: true"
            : arguments.ToString();
        return changed is null
            ? NotFixable
            : Fixable(Replace(request, call, call
                .WithExpression(method.WithName(SyntaxFactory.IdentifierName("to")))
                .WithArgumentList(SyntaxFactory.ParseArgumentList($"({changed})").WithTriviaFrom(call.ArgumentList))));
    }
}
