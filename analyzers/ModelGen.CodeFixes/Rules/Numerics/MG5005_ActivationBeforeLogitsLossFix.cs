using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;
using ModelGen.Analyzers;

namespace ModelGen.CodeFixes.Rules.Numerics;

/// <summary>Passes the raw scores to the loss, when the activation is written in the argument.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp), Shared]
internal sealed class MG5005_ActivationBeforeLogitsLossFix() : TorchCodeFix(RuleIds.ActivationBeforeLogitsLoss, "Remove the activation")
{
    protected override Task<Func<CancellationToken, Task<Solution>>?> PrepareAsync(FixRequest request)
    {
        SyntaxNode node = request.Node is ArgumentSyntax argument ? argument.Expression : request.Node;
        if (node is not InvocationExpressionSyntax
            || request.Model.GetOperation(node, request.Cancellation) is not IInvocationOperation activation
            || Scores(activation)?.Syntax is not ExpressionSyntax scores)
        {
            return NotFixable;
        }

        return Fixable(Replace(request, node, scores.WithTriviaFrom(node)));
    }

    /// <summary>What the activation is applied to: the receiver of a Tensor method, else the first argument.</summary>
    private static IOperation? Scores(IInvocationOperation activation) =>
        activation.TargetMethod.Name is not ("forward" or "call") && activation.Instance is { } tensor ? tensor
            : activation.Instance is { Type.Name: not ("Softmax" or "LogSoftmax" or "Sigmoid") } ? null // A model that ends with an activation.
            : activation.Arguments.FirstOrDefault(argument => argument.Parameter?.Ordinal == 0)?.Value;
}
