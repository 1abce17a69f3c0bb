using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Autograd;

/// <summary>Reports <c>backward()</c> on a loss with <c>Reduction.None</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG3018_BackwardOfManyElements() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.BackwardOfManyElements,
        "backward() of a loss with one value per element",
        "backward() throws here: '{0}' is computed with 'Reduction.None' and has one value per element; reduce it with mean() or sum()",
        RuleCategories.Autograd,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "backward() without an argument starts from a single number.",
        RuleIds.HelpLink(RuleIds.BackwardOfManyElements));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var backward = (IInvocationOperation)operation.Operation;
                if (backward.TargetMethod.Name == "backward" && torch.IsBackward(backward.TargetMethod) && backward.Instance is { } receiver
                    && backward.Written("grad_tensors") is null
                    && LossCalls.Of(receiver.Resolve(), torch) is { } loss
                    && loss.Setting("reduction")?.Unwrap() is IFieldReferenceOperation { Field: { Name: "None", ContainingType.Name: "Reduction" } })
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, backward.Syntax.GetLocation(), receiver.Syntax));
                }
            },
            calls: ["backward"]);
}
