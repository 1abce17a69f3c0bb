using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.CodeFixes;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Autograd;

/// <summary>Moves the statement behind the one that steps the optimizer.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG3007_SchedulerBeforeOptimizerFix() : TorchCodeFix(RuleIds.SchedulerBeforeOptimizer, "Step the schedule after the optimizer")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (request.Node.FirstAncestorOrSelf<StatementSyntax>() is not ExpressionStatementSyntax { Parent: BlockSyntax block } schedule
            || block.Statements.FirstOrDefault(statement => statement.Span.Contains(request.Diagnostic.AdditionalLocations[0].SourceSpan.Start)) is not { } optimizer)
        {
            return NotFixable;
        }

        SyntaxList<StatementSyntax> statements = block.Statements.Remove(schedule);
        int index = block.Statements.IndexOf(optimizer);
        return Fixable(Replace(request, block, block.WithStatements(statements.Insert(index, schedule))));
    }
}
