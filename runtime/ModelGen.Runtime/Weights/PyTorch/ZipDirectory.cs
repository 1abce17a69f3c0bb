using System.Buffers.Binary;
using System.Text;

namespace ModelGen.Weights;

/// <summary>A file in a zip archive.</summary>
/// <param name="Offset">Where its bytes start in the archive.</param>
/// <param name="Length">Number of bytes.</param>
/// <param name="Checksum">CRC-32 of the bytes.</param>
internal sealed record ZipEntry(long Offset, long Length, uint Checksum);

/// <summary>The files of a zip archive, none of them compressed, as <c>torch.save</c> writes them (PKWARE APPNOTE 6.3.10, with zip64).</summary>
internal static class ZipDirectory
{
    private const uint LocalMark = 0x04034b50, CentralMark = 0x02014b50, EndMark = 0x06054b50, End64Mark = 0x06064b50, Locator64Mark = 0x07064b50;
    private const int EndLength = 22, Locator64Length = 20, End64Length = 56, CentralLength = 46, LocalLength = 30;

    /// <summary>Reads the directory.</summary>
    /// <param name="source">The archive.</param>
    /// <returns>Files by name.</returns>
    /// <exception cref="WeightFormatException">The archive is damaged, or has compressed or encrypted files.</exception>
    public static Dictionary<string, ZipEntry> Read(ByteSource source)
    {
        (long start, long length, long count) = FindDirectory(source);
        if (length > int.MaxValue || count > length / CentralLength)
        {
            throw source.Fault($"the archive gives {count} files in a directory of {length} bytes.");
        }

        byte[] directory = new byte[length];
        source.Read(start, directory);
        var entries = new Dictionary<string, ZipEntry>(StringComparer.Ordinal);
        ReadOnlySpan<byte> rest = directory;
        for (long i = 0; i < count; i++)
        {
            if (rest.Length < CentralLength || U32(rest, 0) != CentralMark)
            {
                throw source.Fault($"file {i} in the directory of the archive is damaged.");
            }

            int nameLength = U16(rest, 28), extraLength = U16(rest, 30), all = CentralLength + nameLength + extraLength + U16(rest, 32);
            if (all > rest.Length)
            {
                throw source.Fault($"file {i} in the directory of the archive is damaged.");
            }

            string name = Encoding.UTF8.GetString(rest.Slice(CentralLength, nameLength));
            ZipEntry entry = Entry(source, name, rest[..CentralLength], rest.Slice(CentralLength + nameLength, extraLength));
            if (!entries.TryAdd(name, entry))
            {
                throw source.Fault($"the archive has two files named '{WeightEntry.Shown(name)}'.");
            }

            rest = rest[all..];
        }

        return entries;
    }

    private static ZipEntry Entry(ByteSource source, string name, ReadOnlySpan<byte> record, ReadOnlySpan<byte> extra)
    {
        if ((U16(record, 8) & 1) != 0 || U16(record, 10) != 0)
        {
            throw source.Fault($"'{WeightEntry.Shown(name)}' in the archive is compressed or encrypted; torch.save does neither, so the file was packed again by something else.");
        }

        long packed = U32(record, 20), length = U32(record, 24), header = U32(record, 42);
        ReadOnlySpan<byte> wide = Wide(extra);
        Widen(source, name, ref length, ref wide);
        Widen(source, name, ref packed, ref wide);
        Widen(source, name, ref header, ref wide);
        if (packed != length || header < 0 || header > source.Length - LocalLength)
        {
            throw source.Fault($"'{WeightEntry.Shown(name)}' in the archive is damaged: {packed} bytes packed, {length} unpacked, at {header}.");
        }

        Span<byte> local = stackalloc byte[LocalLength];
        source.Read(header, local);
        long offset = header + LocalLength + U16(local, 26) + U16(local, 28);
        return U32(local, 0) == LocalMark && length >= 0 && offset <= source.Length && length <= source.Length - offset
            ? new ZipEntry(offset, length, U32(record, 16))
            : throw source.Fault($"'{WeightEntry.Shown(name)}' in the archive does not lie inside the file, or its header is damaged.");
    }

    /// <summary>Takes a field from the zip64 record when the plain one says so.</summary>
    private static void Widen(ByteSource source, string name, ref long field, ref ReadOnlySpan<byte> wide)
    {
        if (field != uint.MaxValue)
        {
            return;
        }

        if (wide.Length < 8)
        {
            throw source.Fault($"'{WeightEntry.Shown(name)}' in the archive lacks its 64-bit sizes.");
        }

        field = BinaryPrimitives.ReadInt64LittleEndian(wide);
        wide = wide[8..];
    }

    /// <summary>The zip64 record among the extra fields, empty if there is none.</summary>
    private static ReadOnlySpan<byte> Wide(ReadOnlySpan<byte> extra)
    {
        while (extra.Length >= 4)
        {
            int length = Math.Min(U16(extra, 2), extra.Length - 4);
            if (U16(extra, 0) == 1)
            {
                return extra.Slice(4, length);
            }

            extra = extra[(4 + length)..];
        }

        return [];
    }

    private static (long Start, long Length, long Count) FindDirectory(ByteSource source)
    {
        byte[] tail = new byte[Math.Min(source.Length, EndLength + ushort.MaxValue + Locator64Length)];
        long tailStart = source.Length - tail.Length;
        source.Read(tailStart, tail);
        for (int at = tail.Length - EndLength; at >= 0; at--)
        {
            ReadOnlySpan<byte> end = tail.AsSpan(at);
            if (U32(end, 0) == EndMark && U16(end, 20) == end.Length - EndLength)
            {
                (long start, long length, long count) = at >= Locator64Length && U32(tail, at - Locator64Length) == Locator64Mark
                    ? FindDirectory64(source, BinaryPrimitives.ReadInt64LittleEndian(tail.AsSpan(at - Locator64Length + 8)))
                    : (U32(end, 16), U32(end, 12), U16(end, 10));
                return start >= 0 && length >= 0 && count >= 0 && start <= source.Length && length <= source.Length - start
                    ? (start, length, count)
                    : throw source.Fault("the directory of the archive does not lie inside the file.");
            }
        }

        throw source.Fault("truncated: the archive's directory, which stands at its end, is not there.");
    }

    private static (long Start, long Length, long Count) FindDirectory64(ByteSource source, long at)
    {
        if (at < 0 || at > source.Length - End64Length)
        {
            throw source.Fault("the 64-bit directory of the archive does not lie inside the file.");
        }

        Span<byte> end = stackalloc byte[End64Length];
        source.Read(at, end);
        return U32(end, 0) == End64Mark
            ? (BinaryPrimitives.ReadInt64LittleEndian(end[48..]), BinaryPrimitives.ReadInt64LittleEndian(end[40..]), BinaryPrimitives.ReadInt64LittleEndian(end[32..]))
            : throw source.Fault("the 64-bit directory of the archive is damaged.");
    }

    private static int U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
}
