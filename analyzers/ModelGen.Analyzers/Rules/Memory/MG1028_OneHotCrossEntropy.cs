using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports <c>cross_entropy(scores, one_hot(labels).to(...))</c>.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1028_OneHotCrossEntropy() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.OneHotCrossEntropy,
        "Class indices are spread out for the cross-entropy",
        "cross_entropy takes the class indices themselves; 'one_hot' makes a dense tensor of batch × classes for nothing",
        RuleCategories.Memory,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "With class probabilities as targets, cross_entropy multiplies and sums over all classes. With indices it picks one value a row.",
        RuleIds.HelpLink(RuleIds.OneHotCrossEntropy));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (IsCrossEntropy(call, torch) && call.Arguments.FirstOrDefault(argument => argument.Parameter?.Ordinal == 1)?.Value.Unwrap() is { } target && IsOneHot(target, torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, target.Syntax.GetLocation()));
                }
            },
            calls: ["cross_entropy", "forward", "call"]);

    /// <summary>Class weights are averaged differently for the two kinds of targets, so a weighted loss is left alone.</summary>
    private static bool IsCrossEntropy(IInvocationOperation call, TorchSharpContext torch) =>
        (call.TargetMethod.Name == "cross_entropy" && torch.IsFunctional(call.TargetMethod) && call.Given("weight") is null)
        || (torch.IsForward(call.TargetMethod) && call.Instance?.Type?.Name == "CrossEntropyLoss" && torch.Owns(call.Instance.Type)
            && call.Instance.Unwrap() is ILocalReferenceOperation { Local: { } local } && local.OnlyValue(call) is IInvocationOperation made && made.Given("weight") is null);

    /// <summary><c>one_hot(labels, classes)</c> under conversions of its element type; of one dimension, because the classes must be the second.</summary>
    private static bool IsOneHot(IOperation value, TorchSharpContext torch) => value.Unwrap() switch
    {
        IInvocationOperation { TargetMethod.Name: "one_hot" } call => torch.IsFunctional(call.TargetMethod),
        IInvocationOperation call when ElementTypes.Converts(call, torch) => call.Receiver() is { } inner && IsOneHot(inner, torch),
        _ => false,
    };
}
