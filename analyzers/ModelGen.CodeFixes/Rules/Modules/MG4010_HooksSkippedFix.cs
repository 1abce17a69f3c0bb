using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Modules;

/// <summary>Calls <c>call</c> in place of <c>forward</c>.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG4010_HooksSkippedFix() : TorchCodeFix(RuleIds.HooksSkipped, "Use call")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request) =>
        Marked(request) is { Syntax: InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax access } }
            ? Fixable(Replace(request, access.Name, SyntaxFactory.IdentifierName("call").WithTriviaFrom(access.Name)))
            : NotFixable;
}
