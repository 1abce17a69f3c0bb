using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports <c>matmul(softmax(matmul(q, kᵀ) / d), v)</c> whose weights are used for nothing else.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2022_AttentionByHand() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.AttentionByHand,
        "Attention is written out by hand",
        "This computes attention step by step and stores all scores; 'functional.scaled_dot_product_attention' does it in one pass",
        RuleCategories.Performance,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "The scores need memory for queries × keys, several times. The fused function works on blocks and never stores them.",
        RuleIds.HelpLink(RuleIds.AttentionByHand));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var product = (IInvocationOperation)operation.Operation;
                if (IsProduct(product, torch) && Source(Operands(product).FirstOrDefault()) is IInvocationOperation { TargetMethod.Name: "softmax" } weights && torch.Owns(weights.TargetMethod)
                    && IsLastDimension(weights) && IsScaledProduct(Source(Input(weights)), torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, product.Syntax.GetLocation()));
                }
            },
            calls: ["matmul", "bmm"]);

    private static bool IsProduct(IInvocationOperation call, TorchSharpContext torch) =>
        call.TargetMethod.Name is "matmul" or "bmm" && (torch.IsTensorMethod(call.TargetMethod) || torch.IsTorchFunction(call.TargetMethod));

    private static IEnumerable<IOperation> Operands(IInvocationOperation call) =>
        (call.Instance is { } instance ? [instance] : Array.Empty<IOperation>()).Concat(call.Arguments.Select(argument => argument.Value));

    private static IOperation? Input(IInvocationOperation call) => Operands(call).FirstOrDefault();

    /// <summary>The value itself, or that of a local which is assigned once and mentioned nowhere else.</summary>
    private static IOperation? Source(IOperation? value) => value?.Unwrap() switch
    {
        ILocalReferenceOperation { Local: { } local } mention => mention.Root().MentionsOf(local).Count() == 1 ? Source(local.OnlyValue(mention)) : null,
        { } other => other,
        null => null,
    };

    private static bool IsLastDimension(IInvocationOperation softmax) => softmax.Arguments.Any(argument => argument.Parameter?.Name == "dim" && (argument.Value.Unwrap().IsConstant(-1L) || argument.Value.Unwrap().IsConstant(-1)));

    /// <summary><c>q·kᵀ</c>, under a scale and an added or filled mask.</summary>
    private static bool IsScaledProduct(IOperation? scores, TorchSharpContext torch) => scores switch
    {
        IBinaryOperation { OperatorKind: BinaryOperatorKind.Divide or BinaryOperatorKind.Multiply or BinaryOperatorKind.Add, OperatorMethod: not null } scaled => IsScaledProduct(Source(scaled.LeftOperand), torch),
        IInvocationOperation { TargetMethod.Name: "div" or "mul" or "add" or "masked_fill", Instance: { } instance } call when torch.Owns(call.TargetMethod) => IsScaledProduct(Source(instance), torch),
        IInvocationOperation call when IsProduct(call, torch) => Source(Operands(call).Skip(1).FirstOrDefault()) switch
        {
            IInvocationOperation { TargetMethod.Name: "transpose" } transposed => torch.Owns(transposed.TargetMethod)
                && transposed.Arguments.All(argument => argument.Value.Unwrap().ConstantValue is { HasValue: true, Value: -1L or -2L or -1 or -2 }),
            IPropertyReferenceOperation { Property.Name: "mT" } => true,
            _ => false,
        },
        _ => false,
    };
}
