using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Memory;

/// <summary>Writes <c>expand</c>, with -1 for the dimensions that stay.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG1026_RepeatBeforeBroadcastFix() : TorchCodeFix(RuleIds.RepeatBeforeBroadcast, "Expand instead of repeating")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (request.Node.FirstAncestorOrSelf<InvocationExpressionSyntax>() is not { Expression: MemberAccessExpressionSyntax method } repeat)
        {
            return NotFixable;
        }

        IEnumerable<ArgumentSyntax> sizes = repeat.ArgumentList.Arguments.Select(argument =>
            request.Model.GetConstantValue(argument.Expression) is { HasValue: true, Value: 1L or 1 } ? argument.WithExpression(SyntaxFactory.ParseExpression("-1")) : argument);
        SeparatedSyntaxList<ArgumentSyntax> arguments = SyntaxFactory.SeparatedList(sizes, repeat.ArgumentList.Arguments.GetSeparators());
        return Fixable(Replace(request, repeat, repeat
            .WithExpression(method.WithName(SyntaxFactory.IdentifierName("expand").WithTriviaFrom(method.Name)))
            .WithArgumentList(repeat.ArgumentList.WithArguments(arguments))));
    }
}
