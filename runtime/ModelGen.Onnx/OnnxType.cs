namespace ModelGen.Onnx;

/// <summary>Element types, with ONNX's own numbers (TensorProto.DataType).</summary>
public enum OnnxType
{
    /// <summary>IEEE 754 single precision.</summary>
    Float = 1,

    /// <summary>Unsigned 8-bit integer.</summary>
    UInt8 = 2,

    /// <summary>Signed 8-bit integer.</summary>
    Int8 = 3,

    /// <summary>Unsigned 16-bit integer.</summary>
    UInt16 = 4,

    /// <summary>Signed 16-bit integer.</summary>
    Int16 = 5,

    /// <summary>Signed 32-bit integer.</summary>
    Int32 = 6,

    /// <summary>Signed 64-bit integer.</summary>
    Int64 = 7,

    /// <summary>Text.</summary>
    String = 8,

    /// <summary>Boolean, one byte.</summary>
    Bool = 9,

    /// <summary>IEEE 754 half precision.</summary>
    Float16 = 10,

    /// <summary>IEEE 754 double precision.</summary>
    Double = 11,

    /// <summary>Unsigned 32-bit integer.</summary>
    UInt32 = 12,

    /// <summary>Unsigned 64-bit integer.</summary>
    UInt64 = 13,

    /// <summary>The upper half of IEEE 754 single precision.</summary>
    BFloat16 = 16,
}

/// <summary>Facts about element types.</summary>
internal static class OnnxTypes
{
    public static int Bytes(this OnnxType type) => type switch
    {
        OnnxType.UInt8 or OnnxType.Int8 or OnnxType.Bool => 1,
        OnnxType.UInt16 or OnnxType.Int16 or OnnxType.Float16 or OnnxType.BFloat16 => 2,
        OnnxType.Float or OnnxType.Int32 or OnnxType.UInt32 => 4,
        OnnxType.Int64 or OnnxType.Double or OnnxType.UInt64 => 8,
        _ => throw new NotSupportedException($"Tensors of type {type} are not supported."),
    };

    /// <summary>The ONNX type of a .NET type.</summary>
    public static OnnxType Of<T>() => typeof(T) switch
    {
        var type when type == typeof(float) => OnnxType.Float,
        var type when type == typeof(double) => OnnxType.Double,
        var type when type == typeof(long) => OnnxType.Int64,
        var type when type == typeof(int) => OnnxType.Int32,
        var type when type == typeof(short) => OnnxType.Int16,
        var type when type == typeof(ushort) => OnnxType.UInt16,
        var type when type == typeof(sbyte) => OnnxType.Int8,
        var type when type == typeof(byte) => OnnxType.UInt8,
        var type when type == typeof(bool) => OnnxType.Bool,
        var type => throw new NotSupportedException($"Tensors of {type.Name} are not supported."),
    };

    public static long Count(IReadOnlyList<long> shape) => shape.Aggregate(1L, static (product, size) => checked(product * size));
}
