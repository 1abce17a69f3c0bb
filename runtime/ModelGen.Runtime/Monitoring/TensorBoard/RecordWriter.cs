using System.Buffers.Binary;
using System.Numerics;

namespace ModelGen.Monitoring;

/// <summary>Writes TFRecord files: length, masked CRC-32C of the length, data, masked CRC-32C of the data, all little-endian.</summary>
internal sealed class RecordWriter(Stream stream) : IDisposable
{
    public void Write(ReadOnlySpan<byte> record)
    {
        Span<byte> header = stackalloc byte[sizeof(ulong) + sizeof(uint)];
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)record.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[sizeof(ulong)..], Masked(header[..sizeof(ulong)]));
        Span<byte> footer = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(footer, Masked(record));
        stream.Write(header);
        stream.Write(record);
        stream.Write(footer);
    }

    public void Flush() => stream.Flush();

    public void Dispose() => stream.Dispose();

    private static uint Masked(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        for (; data.Length >= sizeof(ulong); data = data[sizeof(ulong)..])
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(data));
        }

        foreach (byte value in data)
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        // The format rotates and shifts checksums, because a checksum over data that holds its own checksum is weak.
        return BitOperations.RotateRight(~crc, 15) + 0xA282EAD8;
    }
}
