using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Autograd;

/// <summary>Clears the gradients in the statement before the backward pass.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG3002_GradientsNeverClearedFix() : TorchCodeFix(RuleIds.GradientsNeverCleared, "Clear the gradients before the backward pass")
{
    protected override async Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (request.Node.FirstAncestorOrSelf<StatementSyntax>() is not ExpressionStatementSyntax { Parent: BlockSyntax block } backward)
        {
            return null;
        }

        SourceText text = await request.Document.GetTextAsync(request.Cancellation).ConfigureAwait(false);
        string optimizer = text.ToString(request.Diagnostic.AdditionalLocations[0].SourceSpan);
        StatementSyntax clear = SyntaxFactory.ParseStatement($"{optimizer}.zero_grad();").LikeNeighbour(backward);
        BlockSyntax changed = block.WithStatements(block.Statements.Insert(block.Statements.IndexOf(backward), clear));
        return Replace(request, block, changed);
    }
}
