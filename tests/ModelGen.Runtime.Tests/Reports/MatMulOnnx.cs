using System.Runtime.InteropServices;
using System.Text;

namespace ModelGen.Runtime.Tests.Reports;

/// <summary>
/// Writes the ONNX model <c>scores = x · weight</c> of a fixed batch size, byte by byte: the verifier is tested without the exporter it verifies.
/// </summary>
internal static class MatMulOnnx
{
    private const int Float = 1;

    public static void Write(string path, float[] weight, int rows, int columns, int batch)
    {
        byte[] node = Message(Text(1, "x"), Text(1, "weight"), Text(2, "scores"), Text(4, "MatMul"));
        byte[] initializer = Message(
            Number(1, rows), Number(1, columns), Number(2, Float), Text(8, "weight"), Bytes(9, MemoryMarshal.AsBytes(weight.AsSpan()).ToArray()));
        byte[] graph = Message(
            Bytes(1, node), Text(2, "graph"), Bytes(5, initializer), Bytes(11, ValueInfo("x", batch, rows)), Bytes(12, ValueInfo("scores", batch, columns)));
        File.WriteAllBytes(path, Message(Number(1, 8), Bytes(7, graph), Bytes(8, Number(2, 17))));
    }

    private static byte[] ValueInfo(string name, params int[] shape)
    {
        byte[] dimensions = Message([.. shape.Select(static size => Bytes(1, Number(1, size)))]);
        byte[] tensorType = Message(Number(1, Float), Bytes(2, dimensions));
        return Message(Text(1, name), Bytes(2, Bytes(1, tensorType)));
    }

    private static byte[] Message(params byte[][] fields) => [.. fields.SelectMany(static field => field)];

    private static byte[] Number(int field, int value) => [.. Varint(field << 3), .. Varint(value)];

    private static byte[] Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    private static byte[] Bytes(int field, byte[] value) => [.. Varint((field << 3) | 2), .. Varint(value.Length), .. value];

    private static IEnumerable<byte> Varint(int value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            yield return (byte)(value | 0x80);
        }

        yield return (byte)value;
    }
}
