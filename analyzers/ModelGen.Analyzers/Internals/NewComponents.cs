using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>Recognizes values that are modules or parameters made on the spot, which no other code can have registered yet.</summary>
internal static class NewComponents
{
    private const int MostHelpers = 3;

    /// <summary>True when each way to the value makes it: constructs it, calls a factory of TorchSharp, or a helper of the user's that returns such a value.</summary>
    public static bool IsNew(IOperation value, TorchSharpContext torch, CancellationToken cancellation) => IsNew(value, torch, 0, cancellation);

    private static bool IsNew(IOperation value, TorchSharpContext torch, int depth, CancellationToken cancellation) => value.Resolve() switch
    {
        IObjectCreationOperation or IInvocationOperation when torch.IsParameterCreation(value.Resolve()) => true,
        IObjectCreationOperation or ITypeParameterObjectCreationOperation => torch.IsModule(value.Resolve().Type),
        ICoalesceOperation coalesce => IsNew(coalesce.WhenNull, torch, depth, cancellation),
        IConditionalOperation { WhenFalse: { } otherwise } choice => IsNew(choice.WhenTrue, torch, depth, cancellation) && IsNew(otherwise, torch, depth, cancellation),
        ISwitchExpressionOperation choice => choice.Arms.All(arm => arm.Value.Unwrap() is IThrowOperation || IsNew(arm.Value, torch, depth, cancellation)),
        IInvocationOperation call => torch.IsModule(call.Type) || torch.IsParameter(call.Type) ? IsNew(call, torch, depth, cancellation) : false,
        _ => false,
    };

    private static bool IsNew(IInvocationOperation call, TorchSharpContext torch, int depth, CancellationToken cancellation)
    {
        if (torch.Owns(call.TargetMethod))
        {
            return torch.IsLayerFactory(call.TargetMethod) || (torch.IsModuleMove(call.TargetMethod) && call.Receiver() is { } moved && IsNew(moved, torch, depth, cancellation));
        }

        return depth < MostHelpers && MethodCode.ReturnedBy(call.TargetMethod, call, cancellation) is { Count: > 0 } values
            && values.All(value => IsNew(value, torch, depth + 1, cancellation));
    }
}
