using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports <c>torch.ones(...) * c</c> and <c>torch.zeros(...) + c</c> with a number.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2032_FilledInTwoSteps() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.FilledInTwoSteps,
        "A tensor is filled in two steps",
        "The tensor is filled once with {0} and then computed anew; write 'torch.full' with the value",
        RuleCategories.Performance,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "full writes the value directly. ones times a number writes the memory, reads it and writes a second tensor.",
        RuleIds.HelpLink(RuleIds.FilledInTwoSteps));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var binary = (IBinaryOperation)operation.Operation;
                if (binary.OperatorMethod is { } method && torch.Owns(method)
                    && ((IsFilled(binary.LeftOperand, binary.OperatorKind, torch) && IsNumber(binary.RightOperand)) || (IsFilled(binary.RightOperand, binary.OperatorKind, torch) && IsNumber(binary.LeftOperand))))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, binary.Syntax.GetLocation(), binary.OperatorKind == BinaryOperatorKind.Multiply ? "ones" : "zeros"));
                }
            },
            kinds: [OperationKind.Binary]);

    private static bool IsFilled(IOperation value, BinaryOperatorKind @operator, TorchSharpContext torch) =>
        value.Unwrap() is IInvocationOperation call && torch.IsTorchFunction(call.TargetMethod) && call.Given("requires_grad") is null
        && (@operator, call.TargetMethod.Name) is (BinaryOperatorKind.Multiply, "ones") or (BinaryOperatorKind.Add, "zeros");

    /// <summary>A number of C#, also where TorchSharp converts it to a Scalar.</summary>
    private static bool IsNumber(IOperation value)
    {
        IOperation number = value is IConversionOperation conversion ? conversion.Operand : value;
        return number.Type is { SpecialType: >= SpecialType.System_SByte and <= SpecialType.System_Double };
    }
}
