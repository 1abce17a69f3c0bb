using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>A tensor function of TorchSharp, however it is spelled: <c>x.log()</c>, <c>torch.log(x)</c>, or an activation module.</summary>
/// <param name="Name">The name as in the functional form, such as <c>log_softmax</c>.</param>
/// <param name="Input">The tensor that the function is applied to.</param>
/// <param name="Call">The call itself.</param>
internal readonly record struct TensorCall(string Name, IOperation Input, IInvocationOperation Call)
{
    /// <summary>The argument that was written for a parameter, or null when it has its default.</summary>
    public IOperation? Argument(string parameter) => Call.Written(parameter);
}

/// <summary>Recognizes tensor functions, tensor arithmetic and constants.</summary>
internal static class TensorCalls
{
    /// <summary>The call as a tensor function, or null when it is something else.</summary>
    public static TensorCall? Of(IOperation? value, TorchSharpContext torch)
    {
        if (value?.Unwrap() is not IInvocationOperation call || !torch.Owns(call.TargetMethod))
        {
            return null;
        }

        if (call.Instance is { } instance && torch.IsTensor(call.TargetMethod.ContainingType))
        {
            return new TensorCall(call.TargetMethod.Name, instance.Unwrap(), call);
        }

        if (call.ArgumentAt(0) is not { } input || !torch.IsTensor(input.Type))
        {
            return null;
        }

        return torch.IsTensorFunction(call.TargetMethod) ? new TensorCall(call.TargetMethod.Name, input, call)
            : torch.IsForward(call.TargetMethod) && torch.Owns(call.Instance?.Type) && ActivationName(call.Instance!.Type!.Name) is { } name ? new TensorCall(name, input, call)
            : null;
    }

    /// <summary>The call when it is the named function.</summary>
    public static TensorCall? Of(IOperation? value, string name, TorchSharpContext torch) =>
        Of(value, torch) is { } call && call.Name == name ? call : null;

    /// <summary>The value that is passed for the parameter at an ordinal.</summary>
    public static IOperation? ArgumentAt(this IInvocationOperation call, int ordinal) =>
        call.Arguments.FirstOrDefault(argument => argument.Parameter?.Ordinal == ordinal)?.Value.Unwrap();

    /// <summary>The value that the source passes for a parameter; null when the parameter has its default or does not exist.</summary>
    public static IOperation? Written(this IInvocationOperation call, string parameter) =>
        call.Arguments.FirstOrDefault(argument => argument.Parameter?.Name == parameter && argument.ArgumentKind == ArgumentKind.Explicit)?.Value;

    /// <summary>Splits <c>a + b</c>, <c>a.add(b)</c> and <c>torch.add(a, b)</c>, and the same for the other operators.</summary>
    public static (IOperation Left, IOperation Right)? Operands(IOperation? value, BinaryOperatorKind kind, TorchSharpContext torch)
    {
        if (value?.Unwrap() is IBinaryOperation { OperatorMethod: { } method } binary)
        {
            return binary.OperatorKind == kind && torch.Owns(method) ? (binary.LeftOperand, binary.RightOperand) : null;
        }

        string name = kind switch
        {
            BinaryOperatorKind.Add => "add",
            BinaryOperatorKind.Subtract => "sub",
            BinaryOperatorKind.Multiply => "mul",
            BinaryOperatorKind.Divide => "div",
            BinaryOperatorKind.Equals => "eq",
            BinaryOperatorKind.NotEquals => "ne",
            _ => "",
        };
        if (Of(value, name, torch) is not { } call)
        {
            return null;
        }

        IEnumerable<IArgumentOperation> written = call.Call.Arguments.Where(argument => argument.ArgumentKind == ArgumentKind.Explicit);
        List<IOperation> others = [.. written.Select(argument => argument.Value).Where(argument => argument.Unwrap() != call.Input)];
        return others.Count == 1 ? (call.Input, others[0]) : null;
    }

    /// <summary>The operand of <c>-x</c> or <c>x.neg()</c>.</summary>
    public static IOperation? Negated(IOperation? value, TorchSharpContext torch) =>
        value?.Unwrap() is IUnaryOperation { OperatorKind: UnaryOperatorKind.Minus, OperatorMethod: { } method } minus && torch.Owns(method)
            ? minus.Operand
            : Of(value, "neg", torch)?.Input;

    /// <summary>The other operand of a sum of which one operand is the number.</summary>
    public static IOperation? OtherAddend(IOperation? value, double number, TorchSharpContext torch) =>
        Operands(value, BinaryOperatorKind.Add, torch) is not { } sum ? null
        : Number(sum.Left) == number && torch.IsTensor(sum.Right.Unwrap().Type) ? sum.Right
        : Number(sum.Right) == number && torch.IsTensor(sum.Left.Unwrap().Type) ? sum.Left
        : null;

    /// <summary>The constant number under any conversions, such as the one from <c>double</c> to <c>Scalar</c>.</summary>
    public static double? Number(IOperation? value)
    {
        while (value is IConversionOperation or IParenthesizedOperation && value.ConstantValue is not { HasValue: true })
        {
            value = value is IConversionOperation conversion ? conversion.Operand : ((IParenthesizedOperation)value).Operand;
        }

        return value?.ConstantValue is { HasValue: true, Value: byte or sbyte or short or ushort or int or uint or long or ulong or float or double or decimal }
            ? Convert.ToDouble(value.ConstantValue.Value, System.Globalization.CultureInfo.InvariantCulture)
            : null;
    }

    /// <summary>True when two expressions certainly have the same value where they stand together.</summary>
    public static bool SameValue(IOperation left, IOperation right, TorchSharpContext torch) =>
        SyntaxFactory.AreEquivalent(left.Unwrap().Syntax, right.Unwrap().Syntax)
        && left.DescendantsAndSelf().All(operation => operation switch
        {
            IInvocationOperation call => torch.Owns(call.TargetMethod) && !IsRandom(call.TargetMethod.Name),
            IAssignmentOperation or IIncrementOrDecrementOperation or IAwaitOperation => false,
            _ => true,
        });

    private static bool IsRandom(string name) =>
        name.StartsWith("rand", StringComparison.Ordinal) || name.Contains("dropout") || name is "bernoulli" or "multinomial" or "normal" or "rrelu" or "forward" or "call";

    /// <summary>The function that a module of TorchSharp applies.</summary>
    private static string? ActivationName(string type) => type switch
    {
        "Softmax" => "softmax",
        "LogSoftmax" => "log_softmax",
        "Sigmoid" => "sigmoid",
        "LogSigmoid" => "logsigmoid",
        _ => null,
    };
}
