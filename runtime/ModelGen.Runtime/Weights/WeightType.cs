using static TorchSharp.torch;

namespace ModelGen.Weights;

/// <summary>Type of the numbers of a tensor in a file of weights; all those that safetensors, PyTorch and TorchSharp write, little-endian.</summary>
public enum WeightType
{
    /// <summary>Truth values, one byte each.</summary>
    Bool,

    /// <summary>Unsigned bytes.</summary>
    UInt8,

    /// <summary>Signed bytes.</summary>
    Int8,

    /// <summary>16-bit unsigned integers.</summary>
    UInt16,

    /// <summary>16-bit integers.</summary>
    Int16,

    /// <summary>32-bit unsigned integers.</summary>
    UInt32,

    /// <summary>32-bit integers.</summary>
    Int32,

    /// <summary>64-bit unsigned integers.</summary>
    UInt64,

    /// <summary>64-bit integers.</summary>
    Int64,

    /// <summary>IEEE 754 binary16, half precision.</summary>
    Float16,

    /// <summary>The upper half of binary32.</summary>
    BFloat16,

    /// <summary>IEEE 754 binary32, single precision.</summary>
    Float32,

    /// <summary>IEEE 754 binary64, double precision.</summary>
    Float64,

    /// <summary>Two binary32 numbers, real part first.</summary>
    Complex64,

    /// <summary>Two binary64 numbers, real part first.</summary>
    Complex128,

    /// <summary>8-bit float of OCP with 4 exponent and 3 mantissa bits, finite.</summary>
    Float8E4M3,

    /// <summary>8-bit float of OCP with 5 exponent and 2 mantissa bits.</summary>
    Float8E5M2,

    /// <summary>8-bit float with 4 exponent and 3 mantissa bits, no negative zero.</summary>
    Float8E4M3Fnuz,

    /// <summary>8-bit float with 5 exponent and 2 mantissa bits, no negative zero.</summary>
    Float8E5M2Fnuz,

    /// <summary>8-bit power of two, a scale of the microscaling formats.</summary>
    Float8E8M0,

    /// <summary>6-bit float with 2 exponent and 3 mantissa bits.</summary>
    Float6E2M3,

    /// <summary>6-bit float with 3 exponent and 2 mantissa bits.</summary>
    Float6E3M2,

    /// <summary>4-bit float.</summary>
    Float4,
}

/// <summary>Facts about <see cref="WeightType"/>.</summary>
internal static class WeightTypes
{
    /// <summary>Bits of one number.</summary>
    public static int Bits(this WeightType type) => type switch
    {
        WeightType.Float4 => 4,
        WeightType.Float6E2M3 or WeightType.Float6E3M2 => 6,
        WeightType.UInt16 or WeightType.Int16 or WeightType.Float16 or WeightType.BFloat16 => 16,
        WeightType.UInt32 or WeightType.Int32 or WeightType.Float32 => 32,
        WeightType.UInt64 or WeightType.Int64 or WeightType.Float64 or WeightType.Complex64 => 64,
        WeightType.Complex128 => 128,
        _ => 8,
    };

    /// <summary>The same type in TorchSharp, null where it has none.</summary>
    public static ScalarType? Scalar(this WeightType type) => type switch
    {
        WeightType.Bool => ScalarType.Bool,
        WeightType.UInt8 => ScalarType.Byte,
        WeightType.Int8 => ScalarType.Int8,
        WeightType.Int16 => ScalarType.Int16,
        WeightType.Int32 => ScalarType.Int32,
        WeightType.Int64 => ScalarType.Int64,
        WeightType.Float16 => ScalarType.Float16,
        WeightType.BFloat16 => ScalarType.BFloat16,
        WeightType.Float32 => ScalarType.Float32,
        WeightType.Float64 => ScalarType.Float64,
        WeightType.Complex64 => ScalarType.ComplexFloat32,
        WeightType.Complex128 => ScalarType.ComplexFloat64,
        _ => null,
    };

    /// <summary>The type of a tensor.</summary>
    /// <exception cref="NotSupportedException">A quantized tensor: its scale and zero point have no place in a file of weights.</exception>
    public static WeightType Of(ScalarType type) => type switch
    {
        ScalarType.Bool => WeightType.Bool,
        ScalarType.Byte => WeightType.UInt8,
        ScalarType.Int8 => WeightType.Int8,
        ScalarType.Int16 => WeightType.Int16,
        ScalarType.Int32 => WeightType.Int32,
        ScalarType.Int64 => WeightType.Int64,
        ScalarType.Float16 => WeightType.Float16,
        ScalarType.BFloat16 => WeightType.BFloat16,
        ScalarType.Float32 => WeightType.Float32,
        ScalarType.Float64 => WeightType.Float64,
        ScalarType.ComplexFloat32 => WeightType.Complex64,
        ScalarType.ComplexFloat64 => WeightType.Complex128,
        _ => throw new NotSupportedException($"Tensors of type {type} cannot be saved as weights: scale and zero point would be lost. Save int_repr() and q_scale() under names of their own."),
    };

    /// <summary>Bytes of a tensor.</summary>
    /// <param name="type">Type of its numbers.</param>
    /// <param name="shape">Its sizes.</param>
    /// <returns>The bytes; -1 when a size is negative, the product of the sizes above 0 overflows, or numbers below a byte do not fill whole bytes.</returns>
    public static long ByteCount(WeightType type, ReadOnlySpan<long> shape)
    {
        long count = 1;
        foreach (long size in shape)
        {
            // Sizes beside an empty dimension count too: libtorch computes strides from them.
            if (size < 0 || count > long.MaxValue / Math.Max(1, size))
            {
                return -1;
            }

            count *= Math.Max(1, size);
        }

        UInt128 bits = (UInt128)count * (UInt128)type.Bits();
        return bits > long.MaxValue ? -1 : shape.Contains(0) ? 0 : bits % 8 == 0 ? (long)(bits / 8) : -1;
    }
}
