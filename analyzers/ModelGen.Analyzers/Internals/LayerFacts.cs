using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>What is known about layers from their types and from the calls that make them.</summary>
internal static class LayerFacts
{
    /// <summary>Layers whose weights exist whatever the arguments are; containers, losses and the parameterless ones are left out.</summary>
    public static bool HasWeights(INamedTypeSymbol? type, TorchSharpContext torch)
    {
        if (type is null || !torch.Owns(type))
        {
            return type is not null && RegistrationFacts.Components(type, torch).Any(field => torch.IsParameter(field.Type) || HasWeights(field.Type as INamedTypeSymbol, torch));
        }

        for (INamedTypeSymbol? current = type; current is not null; current = current.BaseType)
        {
            if (current.Name is "ParameterLessModule" or "Loss" or "InstanceNorm")
            {
                return false;
            }
        }

        return type.IsSealed;
    }

    /// <summary>The call of <c>nn.Linear(...)</c> and the like that makes a layer of TorchSharp.</summary>
    public static IInvocationOperation? Factory(IOperation value, TorchSharpContext torch) =>
        value.Unwrap() is IInvocationOperation call && torch.IsLayerFactory(call.TargetMethod) ? call : null;

    /// <summary>The constant whole number that is passed, or is the default, for a parameter of a layer.</summary>
    public static long? Size(this IInvocationOperation layer, string parameter) =>
        layer.Arguments.FirstOrDefault(argument => argument.Parameter?.Name == parameter) is { } argument
        && TensorCalls.Number(argument.Value) is { } number && number == Math.Floor(number)
            ? (long)number
            : null;
}
