using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Simplification;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Autograd;

/// <summary>Switches gradients off from the call of <c>eval()</c> to the end of its block.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG3001_EvaluationWithoutNoGradFix() : TorchCodeFix(RuleIds.EvaluationWithoutNoGrad, "Evaluate without gradients")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        if (request.Node.FirstAncestorOrSelf<InvocationExpressionSyntax>() is not { Expression: MemberAccessExpressionSyntax forward } call
            || FindEval(call, forward.Expression.ToString()) is not { Parent: BlockSyntax block } eval
            || TrainsAgain(block, eval.Span.End))
        {
            return NotFixable;
        }

        string name = UsingDeclarations.UniqueName(request.Model, eval.SpanStart, "noGrad");
        StatementSyntax declaration = Declare(name, "TorchSharp.torch.no_grad()").LikeNeighbour(eval);
        BlockSyntax changed = block.WithStatements(block.Statements.Insert(block.Statements.IndexOf(eval) + 1, declaration));
        return Fixable(Replace(request, block, changed));
    }

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
