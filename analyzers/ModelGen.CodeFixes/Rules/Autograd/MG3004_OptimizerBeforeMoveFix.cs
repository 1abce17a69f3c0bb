using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Autograd;

/// <summary>Moves the statement that moves the model to before the creation of the optimizer.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG3004_OptimizerBeforeMoveFix() : TorchCodeFix(RuleIds.OptimizerBeforeMove, "Move the model before the optimizer is created")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (request.Node.FirstAncestorOrSelf<StatementSyntax>() is not { Parent: BlockSyntax block } optimizer
            || request.Root.FindNode(request.Diagnostic.AdditionalLocations[0].SourceSpan).FirstAncestorOrSelf<StatementSyntax>() is not ExpressionStatementSyntax move
            || move.Parent != block
            || !IsPlainMove(move.Expression)
            || DependsOnLaterCode(move, optimizer, block, request.Model))
        {
            return NotFixable;
        }

        SyntaxList<StatementSyntax> statements = block.Statements.Remove(block.Statements.First(statement => statement == move));
        BlockSyntax changed = block.WithStatements(statements.Insert(block.Statements.IndexOf(optimizer), move));
        return Fixable(Replace(request, block, changed));
    }

    /// <summary><c>model.to(...)</c>, or <c>model = model.to(...)</c>.</summary>
    private static bool IsPlainMove(ExpressionSyntax expression) => expression switch
    {
        InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Expression: { } model } } when IsPath(model) => true,
        AssignmentExpressionSyntax { Left: IdentifierNameSyntax target, Right: InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Expression: IdentifierNameSyntax source } } }
            => target.Identifier.ValueText == source.Identifier.ValueText,
        _ => false,
    };

    /// <summary><c>model</c>, <c>this.model</c>, <c>pipeline.Model</c>.</summary>
    private static bool IsPath(ExpressionSyntax expression) =>
        expression is IdentifierNameSyntax or ThisExpressionSyntax || (expression is MemberAccessExpressionSyntax { Expression: { } whole } && IsPath(whole));

    /// <summary>True when the move reads a variable that is declared or assigned between the two statements, or calls something in its arguments.</summary>
    private static bool DependsOnLaterCode(ExpressionStatementSyntax move, StatementSyntax optimizer, BlockSyntax block, SemanticModel model)
    {
        if (move.DescendantNodes().OfType<ArgumentSyntax>().Any(argument => argument.DescendantNodes().OfType<InvocationExpressionSyntax>().Any()))
        {
            return true;
        }

        int first = block.Statements.IndexOf(optimizer);
        int last = block.Statements.IndexOf(move) - 1;
        DataFlowAnalysis? between = model.AnalyzeDataFlow(block.Statements[first], block.Statements[last]);
        DataFlowAnalysis? moving = model.AnalyzeDataFlow(move);
        return between is not { Succeeded: true } || moving is not { Succeeded: true }
            || moving.ReadInside.Any(symbol => between.WrittenInside.Contains(symbol, SymbolEqualityComparer.Default));
    }
}
