using System.Runtime.InteropServices;

namespace ModelGen.Onnx;

/// <summary>A tensor in managed memory: element type, shape and row-major values.</summary>
public sealed class OnnxTensor
{
    internal OnnxTensor(OnnxType type, long[] shape, byte[] bytes)
    {
        Type = type;
        Shape = shape;
        Bytes = bytes;
        Count = OnnxTypes.Count(shape);
        if (Count * type.Bytes() != bytes.Length)
        {
            throw new ArgumentException($"A {type} tensor of shape [{string.Join(", ", shape)}] has {Count} elements, but {bytes.Length / type.Bytes()} values were given.");
        }
    }

    /// <summary>Element type.</summary>
    public OnnxType Type { get; }

    /// <summary>Sizes; empty for a number.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Number of elements.</summary>
    public long Count { get; }

    internal byte[] Bytes { get; }

    /// <summary>A tensor with a copy of the given values.</summary>
    /// <typeparam name="T">float, double, long, int, short, ushort, sbyte, byte or bool.</typeparam>
    /// <param name="values">Values, row-major.</param>
    /// <param name="shape">Sizes.</param>
    /// <returns>The tensor.</returns>
    /// <exception cref="ArgumentException">The number of values does not fit the shape.</exception>
    public static OnnxTensor From<T>(ReadOnlySpan<T> values, params long[] shape)
        where T : unmanaged => new(OnnxTypes.Of<T>(), shape, MemoryMarshal.AsBytes(values).ToArray());

    /// <summary>The values; a view, not a copy.</summary>
    /// <typeparam name="T">The element type.</typeparam>
    /// <returns>The values, row-major.</returns>
    /// <exception cref="InvalidOperationException">The tensor has another element type.</exception>
    public ReadOnlySpan<T> AsSpan<T>()
        where T : unmanaged => OnnxTypes.Of<T>() == Type
            ? MemoryMarshal.Cast<byte, T>(Bytes)
            : throw new InvalidOperationException($"The tensor holds {Type}, not {OnnxTypes.Of<T>()}.");
}
