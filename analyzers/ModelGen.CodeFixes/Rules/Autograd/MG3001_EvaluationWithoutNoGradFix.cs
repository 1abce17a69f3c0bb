using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Formatting;
using Microsoft.CodeAnalysis.Simplification;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Autograd;

/// <summary>Switches gradients off from the call of <c>eval()</c> to the end of its block, or to where the model goes back to training.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG3001_EvaluationWithoutNoGradFix() : TorchCodeFix(RuleIds.EvaluationWithoutNoGrad, "Evaluate without gradients")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (request.Node.FirstAncestorOrSelf<InvocationExpressionSyntax>() is not { Expression: MemberAccessExpressionSyntax forward } call
            || FindEval(call, forward.Expression.ToString()) is not { Parent: BlockSyntax block } eval)
        {
            return NotFixable;
        }

        if (TrainsAgain(block, eval.Span.End))
        {
            return UntilTraining(request, block, eval, call, forward.Expression.ToString());
        }

        string name = UsingDeclarations.UniqueName(request.Model, eval.SpanStart, "noGrad");
        StatementSyntax declaration = Declare(name, "TorchSharp.torch.no_grad()").LikeNeighbour(eval);
        BlockSyntax changed = block.WithStatements(block.Statements.Insert(block.Statements.IndexOf(eval) + 1, declaration));
        return Fixable(Replace(request, block, changed));
    }

    /// <summary>
    /// Puts what lies between <c>model.eval();</c> and <c>model.train();</c> into a using statement. Not where the model goes back to training in any other way, nor where what
    /// is declared in between is used after it.
    /// </summary>
    private static Task<Func<CancellationToken, Task<Solution>>?> UntilTraining(FixRequest request, BlockSyntax block, StatementSyntax eval, InvocationExpressionSyntax call, string model)
    {
        int first = block.Statements.IndexOf(eval) + 1;
        List<StatementSyntax> evaluated = [.. block.Statements.Skip(first).TakeWhile(statement => !Trains(statement, model))];
        if (evaluated.Count == block.Statements.Count - first || !evaluated.Any(statement => statement.Span.Contains(call.Span))
            || evaluated.Any(statement => statement is LocalFunctionStatementSyntax or LabeledStatementSyntax || statement.DescendantNodes().OfType<MemberAccessExpressionSyntax>().Any(access => access.Name.Identifier.ValueText == "train"))
            || request.Model.AnalyzeDataFlow(evaluated[0], evaluated[evaluated.Count - 1]) is not { Succeeded: true } flow
            || flow.VariablesDeclared.Any(variable => flow.ReadOutside.Contains(variable, SymbolEqualityComparer.Default) || flow.WrittenOutside.Contains(variable, SymbolEqualityComparer.Default)))
        {
            return NotFixable;
        }

        StatementSyntax quiet = SyntaxFactory.UsingStatement(null, Simplified(SyntaxFactory.ParseExpression("TorchSharp.torch.no_grad()")), SyntaxFactory.Block(evaluated))
            .WithTrailingTrivia(evaluated[evaluated.Count - 1].GetTrailingTrivia())
            .WithAdditionalAnnotations(Formatter.Annotation);
        return Fixable(Replace(request, block, block.WithStatements([.. block.Statements.Take(first), quiet, .. block.Statements.Skip(first + evaluated.Count)])));
    }

    private static bool Trains(StatementSyntax statement, string model) =>
        statement is ExpressionStatementSyntax { Expression: InvocationExpressionSyntax { ArgumentList.Arguments.Count: 0, Expression: MemberAccessExpressionSyntax { Name.Identifier.ValueText: "train" } access } }
        && access.Expression.ToString() == model;

    private static StatementSyntax Declare(string name, string call)
    {
        LocalDeclarationStatementSyntax declaration = UsingDeclarations.Declare(name, SyntaxFactory.ParseExpression(call));
        ExpressionSyntax value = declaration.Declaration.Variables[0].Initializer!.Value;
        return declaration.ReplaceNode(value, Simplified(value));
    }

    /// <summary>Lets the qualified type name shrink to what the file's usings allow.</summary>
    private static ExpressionSyntax Simplified(ExpressionSyntax call)
    {
        ExpressionSyntax type = ((MemberAccessExpressionSyntax)((InvocationExpressionSyntax)call).Expression).Expression;
        return call.ReplaceNode(type, type.WithAdditionalAnnotations(Simplifier.Annotation));
    }

    /// <summary>The last <c>model.eval();</c> before the call, in a block that the call is in.</summary>
    private static StatementSyntax? FindEval(InvocationExpressionSyntax call, string model) =>
        call.Ancestors().OfType<BlockSyntax>()
            .SelectMany(block => block.Statements)
            .Where(statement => statement.Span.End <= call.SpanStart
                && statement is ExpressionStatementSyntax { Expression: InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Name.Identifier.ValueText: "eval" } access } }
                && access.Expression.ToString() == model)
            .OrderBy(statement => statement.SpanStart)
            .LastOrDefault();

    /// <summary>True when the rest of the block goes back to training, which the using declaration would break.</summary>
    private static bool TrainsAgain(BlockSyntax block, int position) =>
        block.DescendantNodes().OfType<MemberAccessExpressionSyntax>().Any(access =>
            access.SpanStart > position && access.Name.Identifier.ValueText == "train");
}
