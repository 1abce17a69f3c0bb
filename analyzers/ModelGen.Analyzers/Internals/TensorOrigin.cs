using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace ModelGen.Analyzers;

/// <summary>What is known about the tensor that an expression yields.</summary>
internal enum TensorOrigin
{
    /// <summary>Nothing: it may be new, or an object that lives elsewhere.</summary>
    Unknown,

    /// <summary>A new object, registered in the dispose scope that is current at the call.</summary>
    New,

    /// <summary>The very object that the call was made on (in-place operations return <c>this</c>).</summary>
    SameObject,

    /// <summary>The object that the call was made on, or a new one: a conversion that has nothing to do returns its input.</summary>
    NewOrSameObject,
}

/// <summary>Classifies TorchSharp's members by what they return; the user's own members are unknown.</summary>
internal static class TensorOrigins
{
    private static readonly HashSet<string> s_conversions =
    [
        "to", "to_type", "type", "type_as", "cpu", "cuda", "contiguous", "pin_memory", "bool", "byte", "char", "short", "int", "long",
        "half", "bfloat16", "float", "double", "cfloat", "cdouble", "to_dense", "to_sparse", "coalesce", "resolve_conj", "resolve_neg",
        "with_requires_grad", "dequantize", "atleast_1d", "atleast_2d", "atleast_3d",
    ];

    /// <summary>In-place by name, but they return a second handle to the tensor (read off the code of TorchSharp 0.107).</summary>
    private static readonly HashSet<string> s_secondHandles = ["gelu_", "tril_", "triu_", "zero_", "elu_"];

    private static readonly HashSet<string> s_viewProperties = ["T", "mT", "H", "mH", "real", "imag"];

    public static TensorOrigin Of(IInvocationOperation call, TorchSharpContext torch)
    {
        IMethodSymbol method = call.TargetMethod;
        if (!torch.Owns(method) || !torch.IsTensor(call.Type))
        {
            return TensorOrigin.Unknown;
        }

        if (torch.IsModule(method.ContainingType))
        {
            return torch.IsForward(method) ? OfModule(method.ContainingType) : TensorOrigin.Unknown;
        }

        if (IsInPlace(method))
        {
            return s_secondHandles.Contains(method.Name) ? TensorOrigin.NewOrSameObject : TensorOrigin.SameObject;
        }

        return s_conversions.Contains(method.Name) || MayRunInPlace(call) ? TensorOrigin.NewOrSameObject
            : method.Name.EndsWith("DisposeScope", StringComparison.Ordinal) && method.Name != "WrappedTensorDisposeScope" ? TensorOrigin.Unknown
            : TensorOrigin.New;
    }

    public static TensorOrigin Of(IPropertyReferenceOperation property, TorchSharpContext torch) =>
        torch.Owns(property.Property) && torch.IsTensor(property.Type)
            && SymbolEqualityComparer.Default.Equals(property.Property.ContainingType, torch.Tensor)
            && (property.Property.IsIndexer || s_viewProperties.Contains(property.Property.Name))
            ? TensorOrigin.New
            : TensorOrigin.Unknown;

    /// <summary>In-place operations end in one underscore; nearly all return the object itself.</summary>
    public static bool IsInPlace(IMethodSymbol method) =>
        method.Name.EndsWith("_", StringComparison.Ordinal) && !method.Name.EndsWith("__", StringComparison.Ordinal);

    /// <summary>Layers with weights always compute something new; the others (Identity, Dropout, containers) may hand their input through.</summary>
    private static TensorOrigin OfModule(INamedTypeSymbol module) =>
        module is { IsAbstract: false, IsSealed: true, IsGenericType: false } && module.BaseType?.Name != "ParameterLessModule"
            ? TensorOrigin.New
            : TensorOrigin.NewOrSameObject;

    private static bool MayRunInPlace(IInvocationOperation call) =>
        call.Arguments.Any(argument => argument.Parameter?.Name == "inplace" && argument.Value.ConstantValue is not { HasValue: true, Value: false });
}
