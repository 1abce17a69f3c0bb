using System.Runtime.InteropServices;
using Google.Protobuf;
using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>Values of constant tensors.</summary>
internal static class Values
{
    /// <summary>Values of a float32 tensor, whichever field holds them.</summary>
    public static float[] Floats(TensorProto tensor) => tensor.RawData.Length > 0 ? MemoryMarshal.Cast<byte, float>(tensor.RawData.Span).ToArray() : [.. tensor.FloatData];

    public static TensorProto Tensor<T>(string name, IEnumerable<long> dims, ReadOnlySpan<T> values)
        where T : unmanaged => new() { Name = name, Dims = { dims }, DataType = (int)OnnxTypes.Of<T>(), RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(values)) };
}
