using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>Tells mentions that need a living tensor from those that do not.</summary>
internal static class TensorUses
{
    /// <summary>
    /// True where TorchSharp works on the tensor: a method or property of it, an operator, an argument, also within a list that is written in the
    /// argument. Comparing with null, copying the reference and disposing again are not uses; what other code does with it is not known.
    /// </summary>
    public static bool NeedsTensor(this IOperation mention, TorchSharpContext torch) => mention.MeaningfulParent() switch
    {
        IInvocationOperation call => torch.Owns(call.TargetMethod) && call.TargetMethod.Name != "Dispose",
        IArgumentOperation { Parent: IInvocationOperation call } => torch.Owns(call.TargetMethod),
        IBinaryOperation { OperatorMethod: { } method } => torch.Owns(method),
        IPropertyReferenceOperation property => torch.Owns(property.Property) && property.Property.Name != "IsInvalid",
        ICollectionExpressionOperation collection => collection.NeedsTensor(torch),
        IArrayInitializerOperation { Parent: IArrayCreationOperation array } => array.NeedsTensor(torch),
        _ => false,
    };
}
