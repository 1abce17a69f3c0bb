using static TorchSharp.torch;

namespace ModelGen.Weights;

/// <summary>Writes what TorchSharp's <c>module.load</c> reads; see <see cref="TorchSharpFile"/>.</summary>
internal static class TorchSharpWriter
{
    /// <summary>Writes a state dict.</summary>
    public static void Write(IReadOnlyDictionary<string, Tensor> state, Stream stream)
    {
        using var writer = new BinaryWriter(stream, System.Text.Encoding.UTF8, leaveOpen: true);
        writer.Write7BitEncodedInt64(state.Count);
        foreach ((string name, Tensor tensor) in state)
        {
            WeightType type = WeightTypes.Of(tensor.dtype);
            writer.Write(name);
            writer.Write7BitEncodedInt64(TorchSharpFile.TypeCode(type));
            writer.Write7BitEncodedInt64(tensor.dim());
            foreach (long size in tensor.shape)
            {
                writer.Write7BitEncodedInt64(size);
            }

            writer.Flush();
            TensorBytes.Visit(tensor, stream.Write);
        }
    }
}
