using System.Text;

namespace ModelGen.Weights;

/// <summary>Reads a part of a file from front to back through a small buffer.</summary>
internal sealed class ByteCursor
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ByteSource source;
    private readonly string place;
    private readonly long end;
    private readonly byte[] buffer;
    private long bufferStart;
    private int bufferLength;

    /// <summary>A cursor over a range, which must lie within the file.</summary>
    /// <param name="source">The file.</param>
    /// <param name="start">First byte.</param>
    /// <param name="length">Number of bytes.</param>
    /// <param name="place">What messages call the range.</param>
    public ByteCursor(ByteSource source, long start, long length, string place)
    {
        this.source = source;
        this.place = place;
        Position = start;
        end = start + length;
        bufferStart = start;
        buffer = new byte[Math.Min(length, 1 << 14)];
    }

    /// <summary>Place in the file of the next byte.</summary>
    public long Position { get; private set; }

    /// <summary>Bytes that are left.</summary>
    public long Left => end - Position;

    /// <summary>The next byte.</summary>
    public byte Byte()
    {
        Need(1);
        long at = Position - bufferStart;
        if (at < 0 || at >= bufferLength)
        {
            bufferStart = Position;
            bufferLength = (int)Math.Min(buffer.Length, Left);
            source.Read(bufferStart, buffer.AsSpan(0, bufferLength));
            at = 0;
        }

        Position++;
        return buffer[at];
    }

    /// <summary>The next bytes.</summary>
    public void Bytes(Span<byte> destination)
    {
        Need(destination.Length);
        if (destination.Length > buffer.Length)
        {
            source.Read(Position, destination);
            Position += destination.Length;
            return;
        }

        for (int i = 0; i < destination.Length; i++)
        {
            destination[i] = Byte();
        }
    }

    /// <summary>Text of that many bytes.</summary>
    public string Utf8(long length)
    {
        const int Longest = 1 << 24;
        Need(length);
        if (length > Longest)
        {
            throw Fault($"a text of {length} bytes; {Longest} are allowed");
        }

        byte[] bytes = new byte[length];
        Bytes(bytes);
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException exception)
        {
            throw Fault("a text that is not UTF-8", exception);
        }
    }

    /// <summary>Passes over bytes.</summary>
    public void Skip(long count)
    {
        Need(count);
        Position += count;
    }

    /// <summary>An unsigned LEB128 number that fits 63 bits.</summary>
    public long Leb128()
    {
        long value = 0;
        for (int shift = 0; shift < 63; shift += 7)
        {
            byte next = Byte();
            value |= (long)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw Fault("a number of more than 63 bits");
    }

    /// <summary>A fault at the cursor.</summary>
    public WeightFormatException Fault(string message, Exception? inner = null) => source.Fault($"{place}, byte {Position}: {message}.", inner);

    private void Need(long count)
    {
        if (count < 0 || count > Left)
        {
            throw Fault($"truncated: {count} bytes are needed and {Left} are left");
        }
    }
}
