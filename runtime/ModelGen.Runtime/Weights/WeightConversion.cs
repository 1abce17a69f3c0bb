using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.Weights;

/// <summary>Types of weights are converted where no value is lost: see the remarks of <see cref="ModuleWeights"/>.</summary>
internal static class WeightConversion
{
    private enum Kind
    {
        WholeNumbers,
        Floats,
        Complex,
        Other,
    }

    /// <summary>Why numbers of one type are never converted to another; null if they are, or may be, depending on their values.</summary>
    public static string? Obstacle(WeightType from, ScalarType to, bool requireSameType)
    {
        if (from.Scalar() is not { } source)
        {
            return $"TorchSharp has no type {from}";
        }

        return source == to ? null
            : requireSameType ? "another type"
            : KindOf(source) != Kind.Other && KindOf(source) == KindOf(to) ? null
            : $"{from} is not converted to {to}";
    }

    /// <summary>Converts numbers.</summary>
    /// <param name="tensor">The numbers; disposed when others are returned.</param>
    /// <param name="to">The type to convert to.</param>
    /// <param name="obstacle">Why some number cannot be converted, null if all can.</param>
    /// <returns>The numbers in the new type.</returns>
    public static Tensor Convert(Tensor tensor, ScalarType to, out string? obstacle)
    {
        obstacle = null;
        if (tensor.dtype == to)
        {
            return tensor;
        }

        using DisposeScope scope = NewDisposeScope();
        Tensor converted = tensor.to(to);
        long lost = KindOf(to) == Kind.WholeNumbers
            ? tensor.to(ScalarType.Int64).ne(converted.to(ScalarType.Int64)).sum().ToInt64()
            : tensor.isfinite().logical_and(converted.isfinite().logical_not()).sum().ToInt64();
        if (lost > 0)
        {
            obstacle = $"{lost} of {tensor.numel()} numbers are outside the range of {to}";
        }

        converted.MoveToOuterDisposeScope();
        tensor.Dispose();
        return converted;
    }

    private static Kind KindOf(ScalarType type) => type switch
    {
        ScalarType.Bool or ScalarType.Byte or ScalarType.Int8 or ScalarType.Int16 or ScalarType.Int32 or ScalarType.Int64 => Kind.WholeNumbers,
        ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64 => Kind.Floats,
        ScalarType.ComplexFloat32 or ScalarType.ComplexFloat64 => Kind.Complex,
        _ => Kind.Other,
    };
}
