using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers.Rules.Numerics;

/// <summary>Reports targets whose element type makes the loss throw.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG5016_TargetOfWrongType() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.TargetOfWrongType,
        "A loss gets a target of the wrong element type",
        "'{0}' needs a target of type {1}, but this one is {2} and the call throws; add '{3}'",
        RuleCategories.Numerics,
        DiagnosticSeverity.Error,
        isEnabledByDefault: true,
        "cross_entropy and nll_loss take class indices as Int64, one_hot takes nothing else, and binary cross entropy takes the numbers 0 and 1 in the element type of its input. C# arrays of int, long and bool give tensors of just that type.",
        RuleIds.HelpLink(RuleIds.TargetOfWrongType));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                if (Match(operation.Operation, torch) is { } match)
                {
                    bool indices = match.Wanted == TensorElementType.Int64;
                    operation.ReportDiagnostic(Diagnostic.Create(
                        Rule, match.Target.Syntax.GetLocation(), match.Function, indices ? "Int64" : "Float32", match.Actual, indices ? ".@long()" : ".@float()"));
                }
            },
            torchCalls: true);

    private static (IOperation Target, string Function, TensorElementType Wanted, TensorElementType Actual)? Match(IOperation operation, TorchSharpContext torch)
    {
        (IOperation? target, string function) = LossCalls.Of(operation, torch) is { } loss ? (loss.Target, loss.Name)
            : TensorCalls.Of(operation, "one_hot", torch) is { } oneHot ? (oneHot.Input, "one_hot")
            : (null, "");
        if (target is null)
        {
            return null;
        }

        TensorElementType actual = TensorElementTypes.Of(target, torch);
        return function switch
        {
            "cross_entropy" or "nll_loss" or "one_hot" when actual is TensorElementType.Int32 => (target, function, TensorElementType.Int64, actual),
            "binary_cross_entropy" or "binary_cross_entropy_with_logits" when actual.IsIntegral() => (target, function, TensorElementType.Float32, actual),
            _ => null,
        };
    }
}
