using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Memory;

/// <summary>Moves the type into the call.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG1027_DoubleThenFloatFix() : TorchCodeFix(RuleIds.DoubleThenFloat, "Make the tensor in the wanted type")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request) =>
        request.Node.FirstAncestorOrSelf<InvocationExpressionSyntax>() is { Expression: MemberAccessExpressionSyntax { Expression: InvocationExpressionSyntax made } } conversion
        && (conversion.ArgumentList.Arguments.Count == 1 ? conversion.ArgumentList.Arguments[0].Expression : ElementTypes.Named(conversion)) is { } type
            ? Fixable(Replace(request, conversion, made.With("dtype", type).WithTriviaFrom(conversion)))
            : NotFixable;
}
