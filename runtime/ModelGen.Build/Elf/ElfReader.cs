using System.Text;

namespace ModelGen.Elf;

/// <summary>Reads little-endian numbers and text at absolute offsets; every read outside the file is an <see cref="ElfFormatException"/>.</summary>
internal sealed class ElfReader(Stream stream)
{
    // Far above any table these libraries have, far below what would hurt when a garbled size asks for it.
    private const long LargestTable = 256L << 20;
    private const int LongestName = 4096;

    public long Length { get; } = stream.Length;

    public byte[] Bytes(ulong offset, ulong count, string what)
    {
        if (count > LargestTable || offset > (ulong)Length || count > (ulong)Length - offset)
        {
            throw new ElfFormatException($"{what} ({count} bytes at offset {offset}) lies outside the file of {Length} bytes");
        }
        byte[] bytes = new byte[(int)count];
        stream.Position = (long)offset;
        int done = 0;
        while (done < bytes.Length)
        {
            int read = stream.Read(bytes, done, bytes.Length - done);
            if (read == 0)
            {
                throw new ElfFormatException($"the file ended while reading {what}");
            }
            done += read;
        }
        return bytes;
    }

    /// <summary>The NUL-terminated text at <paramref name="offset"/>, which must end before <paramref name="end"/>.</summary>
    public string Text(ulong offset, ulong end, string what)
    {
        if (offset >= end)
        {
            throw new ElfFormatException($"{what} points outside its string table");
        }
        byte[] bytes = Bytes(offset, Math.Min(end - offset, LongestName), what);
        int length = Array.IndexOf(bytes, (byte)0);
        return length >= 0
            ? Encoding.ASCII.GetString(bytes, 0, length)
            : throw new ElfFormatException($"{what} is not a terminated text");
    }

    public static ushort U16(byte[] bytes, int at) => (ushort)(bytes[at] | (bytes[at + 1] << 8));

    public static uint U32(byte[] bytes, int at) => U16(bytes, at) | ((uint)U16(bytes, at + 2) << 16);

    public static ulong U64(byte[] bytes, int at) => U32(bytes, at) | ((ulong)U32(bytes, at + 4) << 32);
}
