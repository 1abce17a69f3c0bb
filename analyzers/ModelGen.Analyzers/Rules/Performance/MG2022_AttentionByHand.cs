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

    /// <summary>The value itself, or that of a local which is mentioned nowhere else but where it is scaled or masked.</summary>
    private static IOperation? Source(IOperation? value) => value?.Unwrap() switch
    {
        ILocalReferenceOperation { Local: { } local } mention => Initial(local, mention) is { } initial ? Source(initial) : null,
        { } other => other,
        null => null,
    };

    /// <summary>What the local is declared with, when all other mentions of it scale it or put a mask on it, always or under a condition: <c>if (mask is not null) { s = s.masked_fill(mask, ...); }</c>.</summary>
    private static IOperation? Initial(ILocalSymbol local, ILocalReferenceOperation mention)
    {
        IOperation root = mention.Root();
        foreach (IOperation other in root.MentionsOf(local))
        {
            if (other != mention && !(other.Start() < mention.Start() && IsInMaskedUpdate(other, local)))
            {
                return null;
            }
        }

        return root.Descendants().OfType<IVariableDeclaratorOperation>().FirstOrDefault(declarator => SymbolEqualityComparer.Default.Equals(declarator.Symbol, local))?.GetVariableInitializer()?.Value;
    }

    private static bool IsInMaskedUpdate(IOperation mention, ILocalSymbol local)
    {
        IOperation statement = mention;
        while (statement.Parent is { } parent and not (IBlockOperation or IExpressionStatementOperation))
        {
            statement = parent;
        }

        return statement switch
        {
            ISimpleAssignmentOperation assignment => assignment.Target.Names(local) && IsMasked(assignment.Value, local),
            ICompoundAssignmentOperation { OperatorKind: BinaryOperatorKind.Add or BinaryOperatorKind.Multiply or BinaryOperatorKind.Divide } update => update.Target.Names(local) && mention == update.Target.Unwrap(),
            IInvocationOperation { TargetMethod.Name: "masked_fill_" or "add_" or "mul_" or "div_" } call => call.Instance.Names(local) && call.Instance!.Unwrap() == mention,
            _ => false,
        };
    }

    /// <summary>The local under scales and masks, mentioned once; or, under a condition, such a value or the local itself.</summary>
    private static bool IsMasked(IOperation value, ILocalSymbol local) => value.Unwrap() switch
    {
        IConditionalOperation { WhenFalse: { } otherwise } choice => IsMasked(choice.WhenTrue, local) && IsMasked(otherwise, local),
        IBinaryOperation { OperatorKind: BinaryOperatorKind.Divide or BinaryOperatorKind.Multiply or BinaryOperatorKind.Add, OperatorMethod: not null } scaled =>
            IsMasked(scaled.LeftOperand, local) && !scaled.RightOperand.DescendantsAndSelf().Any(operation => operation.Names(local)),
        IInvocationOperation { TargetMethod.Name: "div" or "mul" or "add" or "masked_fill", Instance: { } instance } call =>
            IsMasked(instance, local) && !call.Arguments.Any(argument => argument.Value.DescendantsAndSelf().Any(operation => operation.Names(local))),
        { } other => other.Names(local),
    };

    private static bool IsLastDimension(IInvocationOperation softmax) => softmax.Arguments.Any(argument => argument.Parameter?.Name == "dim" && (argument.Value.Unwrap().IsConstant(-1L) || argument.Value.Unwrap().IsConstant(-1)));

    /// <summary><c>q·kᵀ</c>, under a scale and an added or filled mask.</summary>
    private static bool IsScaledProduct(IOperation? scores, TorchSharpContext torch) => scores switch
    {
        IBinaryOperation { OperatorKind: BinaryOperatorKind.Divide or BinaryOperatorKind.Multiply or BinaryOperatorKind.Add, OperatorMethod: not null } scaled => IsScaledProduct(Source(scaled.LeftOperand), torch),
        IConditionalOperation { WhenFalse: { } otherwise } choice => IsSameWithMask(choice.WhenTrue, otherwise, torch) || IsSameWithMask(otherwise, choice.WhenTrue, torch),
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

    /// <summary><c>mask is null ? s : s.masked_fill(mask, ...)</c>, where the local is mentioned nowhere else.</summary>
    private static bool IsSameWithMask(IOperation plain, IOperation masked, TorchSharpContext torch) =>
        plain.Unwrap() is ILocalReferenceOperation { Local: { } local } mention && masked.Unwrap() is not ILocalReferenceOperation && IsMasked(masked, local)
        && mention.Root().MentionsOf(local).Count() == 2 && IsScaledProduct(Source(local.OnlyValue(mention)), torch);
}
