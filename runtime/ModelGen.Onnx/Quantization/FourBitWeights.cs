using Google.Protobuf;
using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Quantization;

/// <summary>
/// Stores weights of 4 bits as int4 and widens them to int8 by a Cast. ONNX Runtime computes the Cast once, when it loads the file, and then finds the int8 weights that its integer kernels take;
/// it has none that take int4 (version 1.31.1), and would compute in float32 behind a DequantizeLinear of int4.
/// </summary>
internal static class FourBitWeights
{
    /// <summary>The version of the file format that has int4.</summary>
    public const long IrVersion = 10;

    /// <summary>Packs initialisers.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="names">Names of int8 initialisers whose numbers lie in -8..7; the Casts' results take them over.</param>
    public static void Pack(GraphProto graph, IEnumerable<string> names)
    {
        Dictionary<string, TensorProto> initializers = graph.Initializer.ToDictionary(static tensor => tensor.Name, StringComparer.Ordinal);
        int position = 0;
        foreach (string name in names)
        {
            TensorProto tensor = initializers[name];
            tensor.RawData = UnsafeByteOperations.UnsafeWrap(Pairs(tensor.RawData.Span));
            tensor.DataType = (int)TensorProto.Types.DataType.Int4;
            tensor.Name = name[..^"_quantized".Length] + "_packed";
            graph.Node.Insert(position++, new NodeProto { OpType = "Cast", Name = "/widen/" + name, Input = { tensor.Name }, Output = { name }, Attribute = { OnnxAttribute.Int("to", (int)OnnxType.Int8).Proto } });
        }
    }

    /// <summary>Two numbers a byte, the first in the lower half.</summary>
    private static byte[] Pairs(ReadOnlySpan<byte> numbers)
    {
        byte[] pairs = new byte[(numbers.Length + 1) / 2];
        for (int i = 0; i < numbers.Length; i++)
        {
            pairs[i / 2] |= (byte)((numbers[i] & 15) << (i % 2 * 4));
        }

        return pairs;
    }
}
