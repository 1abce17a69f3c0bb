using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Performance;

/// <summary>Passes the device to the function.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG2004_MadeOnOtherDeviceFix() : TorchCodeFix(RuleIds.MadeOnOtherDevice, "Make the tensor on the device")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (request.Node.FirstAncestorOrSelf<InvocationExpressionSyntax>() is not { Expression: MemberAccessExpressionSyntax { Expression: InvocationExpressionSyntax made } } move)
        {
            return NotFixable;
        }

        ExpressionSyntax device = move.ArgumentList.Arguments.FirstOrDefault()?.Expression ?? SyntaxFactory.ParseExpression("torch.CUDA");
        return Fixable(Replace(request, move, made.With("device", device).WithTriviaFrom(move)));
    }
}
