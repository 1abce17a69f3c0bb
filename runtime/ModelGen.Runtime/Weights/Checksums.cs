using System.IO.Hashing;

namespace ModelGen.Weights;

/// <summary>Checksums of parts of a file.</summary>
internal static class Checksums
{
    /// <summary>The CRC-32 of zip archives.</summary>
    public static uint Crc32(ByteSource source, long offset, long length)
    {
        var crc = new Crc32();
        byte[] piece = new byte[Math.Min(length, 1 << 20)];
        while (length > 0)
        {
            Span<byte> next = piece.AsSpan(0, (int)Math.Min(piece.Length, length));
            source.Read(offset, next);
            crc.Append(next);
            offset += next.Length;
            length -= next.Length;
        }

        return crc.GetCurrentHashAsUInt32();
    }
}
