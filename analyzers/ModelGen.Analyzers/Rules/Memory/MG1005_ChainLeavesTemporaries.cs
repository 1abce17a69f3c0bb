using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Memory;

/// <summary>Reports the temporaries of a chain in a function that opens no dispose scope.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG1005_ChainLeavesTemporaries() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.ChainLeavesTemporaries,
        "A chain of operations leaves tensors to the garbage collector",
        "The result of '{0}' is used by the next operation and never disposed; open a dispose scope in this method, or keep the result in a using local",
        RuleCategories.Memory,
        DiagnosticSeverity.Info,
        isEnabledByDefault: false,
        "Each operation of a chain makes a tensor. Without a dispose scope only the last one has a name by which it can be disposed.",
        RuleIds.HelpLink(RuleIds.ChainLeavesTemporaries));

    /// <summary>Operations whose result is the same memory, read in another way.</summary>
    private static readonly HashSet<string> s_views =
    [
        "AsParameter", "alias", "as_strided", "broadcast_to", "detach", "diagonal", "expand", "expand_as", "flatten", "movedim", "narrow", "permute", "reshape", "select", "slice",
        "squeeze", "swapaxes", "t", "transpose", "unflatten", "unsqueeze", "view", "view_as",
    ];

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (call.Receiver()?.Unwrap() is { } receiver and (IInvocationOperation or IBinaryOperation) && call.MeaningfulParent() is not IInvocationOperation
                    && torch.IsTensorMethod(call.TargetMethod) && MakesTensor(call, torch) && MakesTensor(receiver, torch) && LeavesMemory(call, torch)
                    && !(operation.Member.CallsAny("NewDisposeScope", "WrappedTensorDisposeScope") && HasScope(call, torch)))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, receiver.Syntax.GetLocation(), Describe(receiver)));
                }
            },
            torchCalls: true);

    /// <summary>True when some value under the last operation has memory of its own, which the result does not share.</summary>
    private static bool LeavesMemory(IOperation value, TorchSharpContext torch) =>
        IsView(value, torch)
            ? Operands(value).Any(operand => LeavesMemory(operand, torch))
            : MakesTensor(value, torch) && Operands(value).Any(operand => HoldsMemory(operand, torch));

    private static bool HoldsMemory(IOperation value, TorchSharpContext torch) =>
        MakesTensor(value, torch) && (!IsView(value, torch) || Operands(value).Any(operand => HoldsMemory(operand, torch)));

    private static IEnumerable<IOperation> Operands(IOperation value) => value switch
    {
        IInvocationOperation call when call.Receiver() is { } receiver => [receiver.Unwrap()],
        IBinaryOperation binary => [binary.LeftOperand.Unwrap(), binary.RightOperand.Unwrap()],
        _ => [],
    };

    private static bool IsView(IOperation value, TorchSharpContext torch) =>
        value is IInvocationOperation call && s_views.Contains(call.TargetMethod.Name) && torch.IsTensorMethod(call.TargetMethod);

    /// <summary>In-place operations and the Move/Detach family return their receiver, so nothing is left behind by them.</summary>
    private static bool MakesTensor(IOperation value, TorchSharpContext torch) => value switch
    {
        IInvocationOperation call => TensorOrigins.Of(call, torch) == TensorOrigin.New,
        IBinaryOperation { OperatorMethod: { } method } => torch.Owns(method) && torch.IsTensor(value.Type),
        _ => false,
    };

    /// <summary>A scope anywhere in the member, or the function handed to <c>WrappedTensorDisposeScope</c>.</summary>
    private static bool HasScope(IOperation operation, TorchSharpContext torch) =>
        operation.Root().Descendants().OfType<IInvocationOperation>().Any(call =>
            torch.IsNewDisposeScope(call.TargetMethod) || (torch.Owns(call.TargetMethod) && call.TargetMethod.Name == "WrappedTensorDisposeScope"));

    private static string Describe(IOperation value) => value switch
    {
        IInvocationOperation call => call.TargetMethod.Name,
        _ => value.Syntax.ToString(),
    };
}
