using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Performance;

/// <summary>Reports tensors that <c>forward</c> makes from constants alone and only reads.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG2005_ConstantMadeInForward() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.ConstantMadeInForward,
        "A constant tensor is made at every call of forward",
        "This tensor is the same at every call; make it once in the constructor and keep it as a buffer ('register_buffer')",
        RuleCategories.Performance,
        DiagnosticSeverity.Info,
        isEnabledByDefault: true,
        "Whatever does not depend on the input can be made once. A buffer also moves with the model, where a tensor made in forward has to be moved at every call.",
        RuleIds.HelpLink(RuleIds.ConstantMadeInForward));

    private static readonly HashSet<string> s_functions = ["zeros", "ones", "full", "eye", "arange", "linspace", "logspace", "tensor", "from_array"];

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (s_functions.Contains(call.TargetMethod.Name) && torch.IsTorchFunction(call.TargetMethod)
                    && operation.ContainingSymbol is IMethodSymbol { Name: "forward", IsOverride: true } method && torch.IsUserModule(method.ContainingType)
                    && call.Arguments.All(IsConstant) && IsOnlyRead(call, torch))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation()));
                }
            },
            calls: s_functions);

    /// <summary>Constants, and read-only fields of simple types; device and type do not make a tensor depend on the input.</summary>
    private static bool IsConstant(IArgumentOperation argument) =>
        argument.ArgumentKind == ArgumentKind.DefaultValue || argument.Parameter?.Name is "device" or "dtype" || IsConstant(argument.Value);

    private static bool IsConstant(IOperation value) => value switch
    {
        { ConstantValue.HasValue: true } => true,
        IConversionOperation conversion => IsConstant(conversion.Operand),
        IParenthesizedOperation parenthesized => IsConstant(parenthesized.Operand),
        IArrayCreationOperation { Initializer: { } initializer } => initializer.ElementValues.All(IsConstant),
        ICollectionExpressionOperation collection => collection.Elements.All(IsConstant),
        IUnaryOperation { OperatorMethod: null } unary => IsConstant(unary.Operand),
        IBinaryOperation { OperatorMethod: null } binary => IsConstant(binary.LeftOperand) && IsConstant(binary.RightOperand),
        IFieldReferenceOperation { Field: { IsReadOnly: true } field } => field.Type.IsValueType,
        _ => false,
    };

    /// <summary>The tensor, or what TorchSharp makes of it in the same expression, is neither stored, returned nor changed in place.</summary>
    private static bool IsOnlyRead(IOperation value, TorchSharpContext torch)
    {
        switch (value.MeaningfulParent())
        {
            case IInvocationOperation call when call.Instance?.Unwrap() == value:
                return torch.Owns(call.TargetMethod) && !TensorOrigins.IsInPlace(call.TargetMethod) && !torch.IsScopeTransfer(call.TargetMethod) && IsDerivedOnlyRead(call, torch);
            case IArgumentOperation { Parent: IInvocationOperation call }:
                return torch.Owns(call.TargetMethod);
            case IBinaryOperation { OperatorMethod: { } method }:
                return torch.Owns(method);
            case IVariableInitializerOperation { Parent: IVariableDeclaratorOperation { Symbol: { } local } }:
                return value.Root().MentionsOf(local).All(mention => mention.NeedsTensor(torch) && !mention.IsWritten()) && !local.IsChangedInPlaceIn(value.Root());
            default:
                return false;
        }
    }

    private static bool IsDerivedOnlyRead(IInvocationOperation call, TorchSharpContext torch) => !torch.IsTensor(call.Type) || IsOnlyRead(call, torch);
}
