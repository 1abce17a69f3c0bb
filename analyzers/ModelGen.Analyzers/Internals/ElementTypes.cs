using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>The methods that convert a tensor to another element type and do nothing else.</summary>
internal static class ElementTypes
{
    private static readonly Dictionary<string, string> s_named = new()
    {
        ["bool"] = "Bool", ["byte"] = "Byte", ["char"] = "Int8", ["short"] = "Int16", ["int"] = "Int32", ["long"] = "Int64",
        ["half"] = "Float16", ["bfloat16"] = "BFloat16", ["float"] = "Float32", ["double"] = "Float64",
    };

    private static readonly Dictionary<string, string> s_fields = new()
    {
        ["uint8"] = "Byte", ["int8"] = "Int8", ["int16"] = "Int16", ["int32"] = "Int32", ["int64"] = "Int64", ["float16"] = "Float16", ["float32"] = "Float32", ["float64"] = "Float64",
    };

    /// <summary>The names of all of them.</summary>
    public static IEnumerable<string> Conversions { get; } = [.. s_named.Keys, "to", "to_type", "type"];

    /// <summary>True for <c>to(ScalarType)</c>, <c>to_type(ScalarType)</c>, <c>type(ScalarType)</c>, <c>@float()</c> and the like, with no other argument given.</summary>
    public static bool Converts(IInvocationOperation call, TorchSharpContext torch)
    {
        if (!torch.IsTensorMethod(call.TargetMethod))
        {
            return false;
        }

        List<IArgumentOperation> given = [.. call.Arguments.Where(argument => argument.ArgumentKind != ArgumentKind.DefaultValue && argument.Value != call.Receiver())];
        return call.TargetMethod.Name is "to" or "to_type" or "type"
            ? given.Count == 1 && given[0].Parameter?.Type.Name == "ScalarType"
            : s_named.ContainsKey(call.TargetMethod.Name) && given.Count == 0;
    }

    /// <summary>The member of <c>ScalarType</c> that a conversion goes to, such as <c>Float32</c>; null where the source does not state it.</summary>
    public static string? Target(IInvocationOperation conversion)
    {
        if (s_named.TryGetValue(conversion.TargetMethod.Name, out string? named))
        {
            return named;
        }

        IOperation? type = conversion.Arguments.FirstOrDefault(argument => argument.ArgumentKind != ArgumentKind.DefaultValue && argument.Parameter?.Type.Name == "ScalarType")?.Value.Unwrap();
        return type is IFieldReferenceOperation { Field: { IsStatic: true, Type.Name: "ScalarType" } field }
            ? field.ContainingType.TypeKind == TypeKind.Enum ? field.Name
                : s_fields.TryGetValue(field.Name, out string? member) || s_named.TryGetValue(field.Name, out member) ? member : null
            : null;
    }

    /// <summary><c>ScalarType.Float32</c> for <c>x.@float()</c>.</summary>
    public static ExpressionSyntax? Named(InvocationExpressionSyntax conversion) =>
        conversion.Expression is MemberAccessExpressionSyntax method && s_named.TryGetValue(method.Name.Identifier.ValueText, out string type)
            ? SyntaxFactory.ParseExpression($"ScalarType.{type}")
            : null;
}
