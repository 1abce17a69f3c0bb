using System.Buffers.Binary;

namespace ModelGen.Weights;

/// <summary>A safetensors file (https://github.com/huggingface/safetensors), validated in full when it is opened.</summary>
/// <remarks>
/// What the reference implementation refuses is refused: a header above 100,000,000 bytes or beyond the file, bad JSON, keys given twice, ranges that overlap, leave holes,
/// end outside the file or do not fit type and shape. Opening costs memory in proportion to the header, which is part of the file.
/// </remarks>
internal sealed unsafe class SafetensorsFile : WeightFile
{
    /// <summary>The reference implementation's bound on the header.</summary>
    public const long LongestHeader = 100_000_000;

    private readonly long[] offsets;

    private SafetensorsFile(ByteSource source, SafetensorsHeader header)
        : base(source, WeightFormat.Safetensors, header.Entries, header.Metadata)
    {
        offsets = header.Offsets;
    }

    /// <summary>Whether a file starts as one of this format.</summary>
    /// <param name="start">Its first bytes, at least 9 if it has as many.</param>
    public static bool IsMeant(ReadOnlySpan<byte> start) =>
        start.Length > 8 && BinaryPrimitives.ReadUInt64LittleEndian(start) <= LongestHeader && start[8] == (byte)'{';

    /// <summary>Opens a file.</summary>
    /// <param name="source">The file; stays the caller's when it is refused.</param>
    /// <exception cref="WeightFormatException">The file is damaged.</exception>
    public static SafetensorsFile Open(ByteSource source)
    {
        Span<byte> prefix = stackalloc byte[8];
        source.Read(0, prefix);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if ((long)length > source.Length - 8)
        {
            throw source.Fault($"truncated: the header alone has {length} bytes, the file {source.Length} in all.");
        }

        byte[] json = new byte[length];
        source.Read(8, json);
        return new SafetensorsFile(source, SafetensorsHeader.Parse(source, json, 8 + (long)length));
    }

    private protected override void ReadNumbers(WeightEntry entry, byte* destination) => Source.Read(offsets[entry.Index], destination, entry.ByteCount);
}
