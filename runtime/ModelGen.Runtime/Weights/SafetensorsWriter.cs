using System.Buffers.Binary;
using System.Text.Json;
using static TorchSharp.torch;

namespace ModelGen.Weights;

/// <summary>Writes a safetensors file: tensors and bytes are added by reference and copied one at a time while writing.</summary>
/// <remarks>The order in the file is that of the reference implementation: types of many bytes first, then by name; the header is padded to a multiple of 8 bytes, so that all numbers are aligned.</remarks>
public sealed unsafe class SafetensorsWriter
{
    private readonly SortedDictionary<string, string> metadata = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Item> items = new(StringComparer.Ordinal);

    private sealed record Item(string Name, WeightType Type, long[] Shape, long ByteCount, Tensor? Tensor, ReadOnlyMemory<byte> Bytes);

    /// <summary>Text to write beside the tensors.</summary>
    public IDictionary<string, string> Metadata => metadata;

    /// <summary>Adds a tensor of any device and layout.</summary>
    /// <param name="name">Its state-dict key.</param>
    /// <param name="tensor">The tensor; its numbers are read when the file is written, and it stays the caller's.</param>
    /// <exception cref="ArgumentException">The name is taken, or is <c>__metadata__</c>.</exception>
    /// <exception cref="NotSupportedException">A type that the format lacks: quantized, complex with double precision.</exception>
    public void Add(string name, Tensor tensor)
    {
        WeightType type = WeightTypes.Of(tensor.dtype);
        Add(new Item(name, type, tensor.shape, WeightTypes.ByteCount(type, tensor.shape), tensor, default));
    }

    /// <summary>Adds numbers as bytes.</summary>
    /// <param name="name">Their name.</param>
    /// <param name="type">Their type; <see cref="WeightType.UInt8"/> for bytes of any meaning.</param>
    /// <param name="shape">Sizes; empty for a single number.</param>
    /// <param name="bytes">The numbers, row-major, little-endian; read when the file is written.</param>
    /// <exception cref="ArgumentException">The name is taken or is <c>__metadata__</c>, or type and shape do not fit the bytes.</exception>
    /// <exception cref="NotSupportedException">The format lacks the type.</exception>
    public void Add(string name, WeightType type, ReadOnlySpan<long> shape, ReadOnlyMemory<byte> bytes)
    {
        long expected = WeightTypes.ByteCount(type, shape);
        if (expected != bytes.Length)
        {
            throw new ArgumentException($"'{name}': {type} {WeightEntry.Shown(shape.ToArray())} takes {(expected < 0 ? "no whole number of" : expected)} bytes, not {bytes.Length}.", nameof(bytes));
        }

        Add(new Item(name, type, shape.ToArray(), expected, null, bytes));
    }

    /// <summary>Writes the file.</summary>
    /// <param name="stream">Receives it; need not be seekable.</param>
    /// <exception cref="InvalidOperationException">The header would exceed the 100,000,000 bytes that readers allow.</exception>
    public void Write(Stream stream)
    {
        Item[] ordered = [.. items.Values.OrderByDescending(static item => item.Type.Bits()).ThenBy(static item => item.Name, StringComparer.Ordinal)];
        byte[] header = Header(ordered);
        if (header.Length > SafetensorsFile.LongestHeader)
        {
            throw new InvalidOperationException($"The header of {ordered.Length} tensors and {metadata.Count} texts has {header.Length} bytes; readers allow {SafetensorsFile.LongestHeader}.");
        }

        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        stream.Write(length);
        stream.Write(header);
        foreach (Item item in ordered)
        {
            if (item.Tensor is { } tensor)
            {
                TensorBytes.Visit(tensor, stream.Write);
            }
            else
            {
                stream.Write(item.Bytes.Span);
            }
        }
    }

    /// <summary>Writes a file, whole or not at all; one that is there is replaced.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">The folder is missing or the disk is full; what was at <paramref name="path"/> is still there.</exception>
    /// <exception cref="InvalidOperationException">The header would exceed the 100,000,000 bytes that readers allow.</exception>
    public void Write(string path) => AtomicFile.Write(path, Write);

    private void Add(Item item)
    {
        if (SafetensorsHeader.TypeName(item.Type) is null)
        {
            throw new NotSupportedException($"'{item.Name}': safetensors has no type {item.Type}.");
        }

        if (item.Name == "__metadata__" || !items.TryAdd(item.Name, item))
        {
            throw new ArgumentException($"The name '{item.Name}' is taken.", nameof(item));
        }
    }

    private byte[] Header(Item[] ordered)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject("__metadata__");
                foreach ((string key, string value) in metadata)
                {
                    json.WriteString(key, value);
                }

                json.WriteEndObject();
            }

            long offset = 0;
            foreach (Item item in ordered)
            {
                json.WriteStartObject(item.Name);
                json.WriteString("dtype", SafetensorsHeader.TypeName(item.Type));
                WriteNumbers(json, "shape", item.Shape);
                WriteNumbers(json, "data_offsets", [offset, checked(offset + item.ByteCount)]);
                json.WriteEndObject();
                offset += item.ByteCount;
            }

            json.WriteEndObject();
        }

        while (buffer.Length % 8 != 0)
        {
            buffer.WriteByte((byte)' ');
        }

        return buffer.ToArray();
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, ReadOnlySpan<long> numbers)
    {
        json.WriteStartArray(name);
        foreach (long number in numbers)
        {
            json.WriteNumberValue(number);
        }

        json.WriteEndArray();
    }
}
