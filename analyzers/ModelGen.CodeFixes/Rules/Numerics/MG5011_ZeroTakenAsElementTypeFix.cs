using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Numerics;

/// <summary>Writes <c>0L</c>, which is a dimension.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG5011_ZeroTakenAsElementTypeFix() : TorchCodeFix(RuleIds.ZeroTakenAsElementType, "Write 0L")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request) =>
        Marked(request) is { } marked
        && marked.Syntax.FirstAncestorOrSelf<InvocationExpressionSyntax>() is { } call
        && request.Model.GetSymbolInfo(call, request.Cancellation).Symbol is IMethodSymbol { Name: "sum" or "prod" }
            ? Fixable(Replace(request, marked.Syntax, SyntaxFactory.ParseExpression("0L").WithTriviaFrom(marked.Syntax)))
            : NotFixable;
}
