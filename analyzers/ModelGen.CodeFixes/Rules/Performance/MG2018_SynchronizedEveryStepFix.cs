using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Performance;

/// <summary>Removes the call.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG2018_SynchronizedEveryStepFix() : TorchCodeFix(RuleIds.SynchronizedEveryStep, "Remove the call")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request) =>
        request.Node.FirstAncestorOrSelf<ExpressionStatementSyntax>() is { Parent: BlockSyntax } statement
            ? Fixable(_ => Task.FromResult(request.Document.WithSyntaxRoot(request.Root.RemoveNode(statement, SyntaxRemoveOptions.KeepNoTrivia)!).Project.Solution))
            : NotFixable;
}
