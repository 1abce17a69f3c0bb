using System.Runtime.InteropServices;
using ModelGen.Onnx;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>Tensors of TorchSharp as tensors of ONNX models, and back.</summary>
internal static class TensorConversion
{
    /// <summary>A copy of a tensor on any device.</summary>
    /// <exception cref="NotSupportedException">No ONNX model of ours has inputs of its type.</exception>
    public static OnnxTensor ToOnnx(Tensor tensor)
    {
        using Tensor host = tensor.detach().cpu();
        using Tensor dense = host.contiguous();
        return dense.dtype switch
        {
            ScalarType.Float32 => OnnxTensor.From<float>(MemoryMarshal.Cast<byte, float>(dense.bytes), dense.shape),
            ScalarType.Float64 => OnnxTensor.From<double>(MemoryMarshal.Cast<byte, double>(dense.bytes), dense.shape),
            ScalarType.Int64 => OnnxTensor.From<long>(MemoryMarshal.Cast<byte, long>(dense.bytes), dense.shape),
            ScalarType.Int32 => OnnxTensor.From<int>(MemoryMarshal.Cast<byte, int>(dense.bytes), dense.shape),
            ScalarType.Byte => OnnxTensor.From<byte>(dense.bytes, dense.shape),
            ScalarType.Bool => OnnxTensor.From<bool>(MemoryMarshal.Cast<byte, bool>(dense.bytes), dense.shape),
            var other => throw new NotSupportedException($"ONNX models take tensors of float32, float64, int64, int32, uint8 and bool, not {other}."),
        };
    }

    /// <summary>A copy of a float32 tensor.</summary>
    public static Tensor ToTorch(OnnxTensor value) => tensor(value.AsSpan<float>().ToArray(), [.. value.Shape]);

    /// <summary>Values of any type as float32.</summary>
    /// <exception cref="NotSupportedException">The element type has no numbers.</exception>
    public static float[] Numbers(OnnxTensor tensor) => tensor.Type switch
    {
        OnnxType.Float => tensor.AsSpan<float>().ToArray(),
        OnnxType.Double => Array.ConvertAll(tensor.AsSpan<double>().ToArray(), static value => (float)value),
        OnnxType.Int64 => Array.ConvertAll(tensor.AsSpan<long>().ToArray(), static value => (float)value),
        OnnxType.Int32 => Array.ConvertAll(tensor.AsSpan<int>().ToArray(), static value => (float)value),
        OnnxType.Bool => Array.ConvertAll(tensor.AsSpan<bool>().ToArray(), static value => value ? 1f : 0f),
        var other => throw new NotSupportedException($"Verify cannot compare results of element type {other}."),
    };
}
