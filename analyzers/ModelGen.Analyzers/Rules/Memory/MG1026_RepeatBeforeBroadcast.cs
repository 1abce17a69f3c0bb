using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports <c>x.unsqueeze(d).repeat(1, n, 1)</c> as an operand of arithmetic.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1026_RepeatBeforeBroadcast() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.RepeatBeforeBroadcast,
        "A tensor is repeated in memory only to be broadcast",
        "The next operation broadcasts by itself or reads an expanded view as well, so the copies are not needed; write 'expand' instead of 'repeat'",
        RuleCategories.Memory,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "repeat copies the data n times. expand gives a view with a stride of zero that arithmetic reads just the same.",
        RuleIds.HelpLink(RuleIds.RepeatBeforeBroadcast));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var repeat = (IInvocationOperation)operation.Operation;
                if (repeat.TargetMethod.Name == "repeat" && torch.IsTensorMethod(repeat.TargetMethod) && IsOperand(repeat, torch) && RepeatsOnlyNewDimension(repeat, torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, repeat.Syntax.GetLocation()));
                }
            },
            calls: ["repeat"]);

    private static bool IsOperand(IInvocationOperation repeat, TorchSharpContext torch) =>
        repeat.MeaningfulParent() is IBinaryOperation { OperatorMethod: { } method } binary && torch.Owns(method)
        && torch.IsTensor(binary.LeftOperand.Type) && torch.IsTensor(binary.RightOperand.Type);

    /// <summary>The dimension that unsqueeze made has size one, so expand may stretch it; all others must be repeated once.</summary>
    private static bool RepeatsOnlyNewDimension(IInvocationOperation repeat, TorchSharpContext torch)
    {
        if (repeat.Instance?.Unwrap() is not IInvocationOperation { TargetMethod.Name: "unsqueeze" } unsqueeze || !torch.IsTensorMethod(unsqueeze.TargetMethod)
            || unsqueeze.Arguments.FirstOrDefault()?.Value.Unwrap().ConstantValue is not { HasValue: true, Value: { } dimension }
            || repeat.Arguments.FirstOrDefault()?.Value is not IArrayCreationOperation { Initializer.ElementValues: { Length: > 0 } counts })
        {
            return false;
        }

        long position = System.Convert.ToInt64(dimension, System.Globalization.CultureInfo.InvariantCulture);
        position = position < 0 ? position + counts.Length : position;
        return Enumerable.Range(0, counts.Length).All(index => index == position || counts[index].Unwrap().ConstantValue is { HasValue: true, Value: 1L or 1 });
    }
}
