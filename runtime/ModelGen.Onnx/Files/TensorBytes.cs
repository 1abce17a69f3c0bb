using System.Runtime.InteropServices;
using Google.Protobuf;
using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx;

/// <summary>How constant tensors are stored: in <c>raw_data</c>, or in the field of their type.</summary>
internal static class TensorBytes
{
    /// <summary>Bits of an element; null for texts and unknown types.</summary>
    public static int? Bits(int type) => (TensorProto.Types.DataType)type switch
    {
        TensorProto.Types.DataType.Uint2 or TensorProto.Types.DataType.Int2 => 2,
        TensorProto.Types.DataType.Uint4 or TensorProto.Types.DataType.Int4 or TensorProto.Types.DataType.Float4E2M1 => 4,
        TensorProto.Types.DataType.Uint8 or TensorProto.Types.DataType.Int8 or TensorProto.Types.DataType.Bool or TensorProto.Types.DataType.Float8E4M3Fn
            or TensorProto.Types.DataType.Float8E4M3Fnuz or TensorProto.Types.DataType.Float8E5M2 or TensorProto.Types.DataType.Float8E5M2Fnuz or TensorProto.Types.DataType.Float8E8M0 => 8,
        TensorProto.Types.DataType.Uint16 or TensorProto.Types.DataType.Int16 or TensorProto.Types.DataType.Float16 or TensorProto.Types.DataType.Bfloat16 => 16,
        TensorProto.Types.DataType.Float or TensorProto.Types.DataType.Int32 or TensorProto.Types.DataType.Uint32 => 32,
        TensorProto.Types.DataType.Double or TensorProto.Types.DataType.Int64 or TensorProto.Types.DataType.Uint64 or TensorProto.Types.DataType.Complex64 => 64,
        TensorProto.Types.DataType.Complex128 => 128,
        _ => null,
    };

    /// <summary>Bytes of a number of elements; several small ones share a byte.</summary>
    public static long Length(long count, int bits) => bits >= 8 ? count * (bits / 8) : ((count * bits) + 7) / 8;

    /// <summary>Number of elements.</summary>
    public static long Count(TensorProto tensor) => tensor.Dims.Aggregate(1L, static (product, size) => checked(product * size));

    /// <summary>A sound tensor with its values in <c>raw_data</c>; the same one when they are there already, or when it holds texts or lies in another file.</summary>
    public static TensorProto Raw(TensorProto tensor)
    {
        if (tensor.RawData.Length > 0 || tensor.DataLocation != TensorProto.Types.DataLocation.Default || Bits(tensor.DataType) is not int bits || Count(tensor) == 0)
        {
            return tensor;
        }

        byte[] bytes = (TensorProto.Types.DataType)tensor.DataType switch
        {
            TensorProto.Types.DataType.Float or TensorProto.Types.DataType.Complex64 => MemoryMarshal.AsBytes<float>(tensor.FloatData.ToArray()).ToArray(),
            TensorProto.Types.DataType.Double or TensorProto.Types.DataType.Complex128 => MemoryMarshal.AsBytes<double>(tensor.DoubleData.ToArray()).ToArray(),
            TensorProto.Types.DataType.Int64 => MemoryMarshal.AsBytes<long>(tensor.Int64Data.ToArray()).ToArray(),
            TensorProto.Types.DataType.Uint64 => MemoryMarshal.AsBytes<ulong>(tensor.Uint64Data.ToArray()).ToArray(),
            TensorProto.Types.DataType.Uint32 => MemoryMarshal.AsBytes<uint>([.. tensor.Uint64Data.Select(static value => (uint)value)]).ToArray(),
            TensorProto.Types.DataType.Int32 => MemoryMarshal.AsBytes<int>(tensor.Int32Data.ToArray()).ToArray(),
            _ when bits == 16 => MemoryMarshal.AsBytes<ushort>([.. tensor.Int32Data.Select(static value => (ushort)value)]).ToArray(),
            _ => [.. tensor.Int32Data.Select(static value => (byte)value)],
        };
        return new TensorProto { Name = tensor.Name, Dims = { tensor.Dims }, DataType = tensor.DataType, DocString = tensor.DocString, MetadataProps = { tensor.MetadataProps }, RawData = UnsafeByteOperations.UnsafeWrap(bytes) };
    }

    /// <summary>Values of an int64 tensor.</summary>
    public static long[] Longs(TensorProto tensor) => MemoryMarshal.Cast<byte, long>(Raw(tensor).RawData.Span).ToArray();

    /// <summary>Values of a float32 tensor.</summary>
    public static float[] Floats(TensorProto tensor) => MemoryMarshal.Cast<byte, float>(Raw(tensor).RawData.Span).ToArray();

    /// <summary>A tensor of these values.</summary>
    public static TensorProto Tensor<T>(string name, IEnumerable<long> dims, ReadOnlySpan<T> values)
        where T : unmanaged => new() { Name = name, Dims = { dims }, DataType = (int)OnnxTypes.Of<T>(), RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(values)) };
}
