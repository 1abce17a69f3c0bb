using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>The element type of a tensor, as far as the source states it.</summary>
internal enum TensorElementType
{
    Unknown,
    Bool,
    Int32,
    Int64,
    Float32,
    Float64,
}

/// <summary>Finds the element type that an expression certainly has.</summary>
internal static class TensorElementTypes
{
    private static readonly HashSet<string> s_comparisons =
        ["eq", "ne", "lt", "le", "gt", "ge", "isnan", "isinf", "isfinite", "logical_not", "logical_and", "logical_or", "logical_xor"];

    private static readonly HashSet<string> s_keepsType =
        ["view", "reshape", "flatten", "squeeze", "unsqueeze", "transpose", "permute", "t", "clone", "detach", "cpu", "cuda", "contiguous", "alias", "expand", "repeat"];

    public static TensorElementType Of(IOperation value, TorchSharpContext torch, int depth = 0)
    {
        value = value.Resolve();
        if (depth > 8)
        {
            return TensorElementType.Unknown;
        }

        if (value is IBinaryOperation { OperatorMethod: { } method, OperatorKind: BinaryOperatorKind.Equals or BinaryOperatorKind.NotEquals or BinaryOperatorKind.LessThan
            or BinaryOperatorKind.LessThanOrEqual or BinaryOperatorKind.GreaterThan or BinaryOperatorKind.GreaterThanOrEqual })
        {
            return torch.Owns(method) ? TensorElementType.Bool : TensorElementType.Unknown;
        }

        if (value is not IInvocationOperation call || !torch.Owns(call.TargetMethod))
        {
            return TensorElementType.Unknown;
        }

        if (call.TargetMethod.Name == "tensor" && torch.IsTorchFunction(call.TargetMethod))
        {
            return call.Written("dtype") is { } dtype ? OfScalarType(dtype) : OfData(call.TargetMethod.Parameters[0].Type);
        }

        if (TensorCalls.Of(call, torch) is not { } tensorCall)
        {
            return TensorElementType.Unknown;
        }

        return tensorCall.Name switch
        {
            "argmax" or "argmin" or "argsort" or "long" => TensorElementType.Int64,
            "bool" => TensorElementType.Bool,
            "int" => TensorElementType.Int32,
            "float" => TensorElementType.Float32,
            "double" => TensorElementType.Float64,
            "to" or "to_type" or "type" => Converted(tensorCall, torch, depth),
            { } name when s_comparisons.Contains(name) => TensorElementType.Bool,
            { } name when s_keepsType.Contains(name) => Of(tensorCall.Input, torch, depth + 1),
            _ => TensorElementType.Unknown,
        };
    }

    /// <summary>True for types of whole numbers and of truth values.</summary>
    public static bool IsIntegral(this TensorElementType type) => type is TensorElementType.Bool or TensorElementType.Int32 or TensorElementType.Int64;

    private static TensorElementType Converted(TensorCall call, TorchSharpContext torch, int depth)
    {
        IArgumentOperation? type = call.Call.Arguments.FirstOrDefault(argument =>
            argument.ArgumentKind == ArgumentKind.Explicit && argument.Parameter?.Type is { } parameter && IsScalarType(parameter));
        return type is not null ? OfScalarType(type.Value)
            : call.Call.Arguments.Any(argument => argument.ArgumentKind == ArgumentKind.Explicit && torch.IsTensor(argument.Value.Unwrap().Type)) ? TensorElementType.Unknown
            : Of(call.Input, torch, depth + 1);
    }

    private static bool IsScalarType(ITypeSymbol type) =>
        type.Name == "ScalarType" || (type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable && nullable.TypeArguments[0].Name == "ScalarType");

    private static TensorElementType OfScalarType(IOperation value) => value.Unwrap() is IFieldReferenceOperation { Field.Name: { } name }
        ? name switch
        {
            "Bool" or "bool" => TensorElementType.Bool,
            "Int32" or "int32" => TensorElementType.Int32,
            "Int64" or "int64" or "long" => TensorElementType.Int64,
            "Float32" or "float32" => TensorElementType.Float32,
            "Float64" or "float64" => TensorElementType.Float64,
            _ => TensorElementType.Unknown,
        }
        : TensorElementType.Unknown;

    /// <summary>The element type that <c>torch.tensor</c> gives to a number, an array or a list.</summary>
    private static TensorElementType OfData(ITypeSymbol type)
    {
        ITypeSymbol element = type switch
        {
            IArrayTypeSymbol array => array.ElementType,
            INamedTypeSymbol { IsGenericType: true, TypeArguments.Length: 1 } generic => generic.TypeArguments[0],
            _ => type,
        };
        return element.SpecialType switch
        {
            SpecialType.System_Boolean => TensorElementType.Bool,
            SpecialType.System_Int32 => TensorElementType.Int32,
            SpecialType.System_Int64 => TensorElementType.Int64,
            SpecialType.System_Single => TensorElementType.Float32,
            SpecialType.System_Double => TensorElementType.Float64,
            _ => TensorElementType.Unknown,
        };
    }
}
