using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers.Rules.Autograd;

/// <summary>Reports <c>backward()</c> on a detached or rebuilt tensor.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
internal sealed class MG3005_BackwardWithoutGraph() : TorchAnalyzer(Rule)
{
    internal static readonly DiagnosticDescriptor Rule = new(
        RuleIds.BackwardWithoutGraph,
        "backward() of a tensor that is cut from the graph",
        "backward() throws here: '{0}' has no connection with any tensor that requires gradients",
        RuleCategories.Autograd,
        DiagnosticSeverity.Warning,
        isEnabledByDefault: true,
        "detach() and a tensor that is made of plain numbers have no history. backward() on them throws, or, where the loss is meant to train a model, the model gets no gradients.",
        RuleIds.HelpLink(RuleIds.BackwardWithoutGraph));

    protected override void Register(RuleContext context, TorchSharpContext torch) =>
        context.OnOperations(
            operation =>
            {
                var call = (IInvocationOperation)operation.Operation;
                if (call.TargetMethod.Name == "backward" && torch.IsBackward(call.TargetMethod) && call.Instance is { } loss && IsCut(loss, torch, 0))
                {
                    operation.ReportDiagnostic(Diagnostic.Create(Rule, call.Syntax.GetLocation(), loss.Syntax));
                }
            },
            calls: ["backward"]);

    /// <summary>True for a detached tensor, one made of numbers, and what operations make of such tensors alone.</summary>
    private static bool IsCut(IOperation value, TorchSharpContext torch, int depth)
    {
        value = value.Resolve();
        if (depth > 8)
        {
            return false;
        }

        switch (value)
        {
            case IUnaryOperation { OperatorMethod: { } method } unary when torch.Owns(method):
                return IsCut(unary.Operand, torch, depth + 1);
            case IBinaryOperation { OperatorMethod: { } method } binary when torch.Owns(method):
                List<IOperation> operands = [.. new[] { binary.LeftOperand, binary.RightOperand }.Where(operand => torch.IsTensor(operand.Unwrap().Type))];
                return operands.Count > 0 && operands.All(operand => IsCut(operand, torch, depth + 1));
            case IInvocationOperation factory when torch.IsFactory(factory):
                return !factory.Arguments.Any(argument => argument.Parameter?.Name == "requires_grad" && argument.ArgumentKind == ArgumentKind.Explicit);
            case IInvocationOperation call when TensorCalls.Of(call, torch) is { } tensorCall && !torch.IsForward(call.TargetMethod):
                return tensorCall.Name == "detach"
                    || (TensorOrigins.Of(call, torch) == TensorOrigin.New
                        && IsCut(tensorCall.Input, torch, depth + 1)
                        && call.Arguments.All(argument => !MayHoldTensors(argument.Value.Unwrap(), torch) || argument.Value.Unwrap() == tensorCall.Input || IsCut(argument.Value, torch, depth + 1)));
            default:
                return false;
        }
    }

    private static bool MayHoldTensors(IOperation value, TorchSharpContext torch) =>
        torch.IsTensor(value.Type) || value.Type is IArrayTypeSymbol { ElementType: var element } && torch.IsTensor(element);
}
