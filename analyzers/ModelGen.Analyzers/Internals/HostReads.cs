using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>The ways to read a tensor's one element as a number of C#; on a GPU each waits until the device has finished.</summary>
internal static class HostReads
{
    private static readonly HashSet<string> s_methods =
        ["item", "ToBoolean", "ToByte", "ToSByte", "ToInt16", "ToInt32", "ToInt64", "ToHalf", "ToSingle", "ToDouble", "ToScalar"];

    /// <summary>The names of the methods among them.</summary>
    public static IEnumerable<string> Methods => s_methods;

    /// <summary>The tensor that the operation reads, or null when it is no such read.</summary>
    public static IOperation? Tensor(IOperation operation, TorchSharpContext torch) => operation switch
    {
        IInvocationOperation call when s_methods.Contains(call.TargetMethod.Name) && torch.IsTensorMethod(call.TargetMethod) => call.Receiver(),
        IConversionOperation { OperatorMethod: { Name: "op_Explicit" } method } conversion
            when torch.Owns(method) && torch.IsTensor(conversion.Operand.Type) && conversion.Type?.IsValueType == true => conversion.Operand,
        _ => null,
    };
}
