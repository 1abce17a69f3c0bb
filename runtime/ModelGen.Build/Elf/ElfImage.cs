namespace ModelGen.Elf;

/// <summary>
/// The parts of a 64-bit little-endian shared library that the Linux loader uses to check versions.
/// Read through the dynamic segment and never through section headers, because the loader does the same and sections may be stripped.
/// </summary>
internal sealed class ElfImage
{
    public const ushort X64 = 62;
    public const ushort Arm64 = 183;

    private const int HeaderSize = 64;
    private const int ProgramHeaderSize = 56;
    private const ulong DynamicEntrySize = 16;

    private readonly List<LoadSegment> _segments = [];
    private readonly Dictionary<ulong, ulong> _dynamic = [];
    private readonly List<ulong> _neededNames = [];

    private ElfImage(ElfReader reader) => Reader = reader;

    public ElfReader Reader { get; }

    /// <summary>The ELF machine number: <see cref="X64"/>, <see cref="Arm64"/> or another.</summary>
    public ushort Machine { get; private set; }

    /// <summary>Reads the headers and the dynamic segment.</summary>
    /// <exception cref="ElfFormatException">The stream does not hold a well-formed 64-bit little-endian shared library.</exception>
    public static ElfImage Read(Stream stream)
    {
        var image = new ElfImage(new ElfReader(stream));
        image.ReadHeaders();
        return image;
    }

    /// <summary>The file names of the libraries that this one needs, in loading order.</summary>
    public IReadOnlyList<string> NeededLibraries() => [.. _neededNames.Select(name => DynamicText(name, "the name of a needed library"))];

    /// <summary>The value of a tag of the dynamic segment, or null where the library does not have it.</summary>
    public ulong? Dynamic(DynamicTag tag) => _dynamic.TryGetValue((ulong)tag, out ulong value) ? value : null;

    /// <summary>The offset in the file of the byte that is loaded at <paramref name="address"/>.</summary>
    public ulong FileOffset(ulong address, string what)
    {
        foreach (LoadSegment segment in _segments)
        {
            if (address >= segment.Address && address - segment.Address < segment.FileSize)
            {
                return segment.Offset + (address - segment.Address);
            }
        }
        throw new ElfFormatException($"{what} is at address 0x{address:x}, which no loadable segment covers");
    }

    /// <summary>The text at <paramref name="nameOffset"/> of the dynamic string table.</summary>
    public string DynamicText(ulong nameOffset, string what)
    {
        ulong table = FileOffset(Required(DynamicTag.StringTable, "string table"), "the string table");
        ulong size = Required(DynamicTag.StringTableSize, "string table size");
        if (size > (ulong)Reader.Length || nameOffset >= size)
        {
            throw new ElfFormatException($"{what} points outside its string table");
        }
        return Reader.Text(table + nameOffset, table + size, what);
    }

    public ulong Required(DynamicTag tag, string what) =>
        Dynamic(tag) ?? throw new ElfFormatException($"the dynamic segment has no {what}");

    private void ReadHeaders()
    {
        byte[] header = Reader.Bytes(0, HeaderSize, "the ELF header");
        if (header[0] != 0x7f || header[1] != 'E' || header[2] != 'L' || header[3] != 'F')
        {
            throw new ElfFormatException("it does not start with the ELF magic number");
        }
        if (header[4] != 2 || header[5] != 1)
        {
            throw new ElfFormatException("it is not a 64-bit little-endian ELF file");
        }
        Machine = ElfReader.U16(header, 18);
        ulong table = ElfReader.U64(header, 32);
        int entrySize = ElfReader.U16(header, 54);
        int count = ElfReader.U16(header, 56);
        if (entrySize != ProgramHeaderSize || count == 0)
        {
            throw new ElfFormatException($"its program header table has {count} entries of {entrySize} bytes, expected entries of {ProgramHeaderSize}");
        }
        ReadSegments(Reader.Bytes(table, (ulong)(count * entrySize), "the program header table"), count);
    }

    private void ReadSegments(byte[] table, int count)
    {
        const uint load = 1;
        const uint dynamic = 2;
        LoadSegment? dynamicSegment = null;
        for (int i = 0; i < count; i++)
        {
            int at = i * ProgramHeaderSize;
            uint type = ElfReader.U32(table, at);
            var segment = new LoadSegment(ElfReader.U64(table, at + 8), ElfReader.U64(table, at + 16), ElfReader.U64(table, at + 32));
            if (type is load or dynamic && (segment.Offset > (ulong)Reader.Length || segment.FileSize > (ulong)Reader.Length - segment.Offset))
            {
                throw new ElfFormatException($"segment {i} lies outside the file");
            }
            if (type == load)
            {
                _segments.Add(segment);
            }
            else if (type == dynamic)
            {
                dynamicSegment = segment;
            }
        }
        ReadDynamic(dynamicSegment ?? throw new ElfFormatException("it has no dynamic segment, so it is not a shared library"));
    }

    private void ReadDynamic(LoadSegment segment)
    {
        const ulong neededLibrary = 1;
        byte[] table = Reader.Bytes(segment.Offset, segment.FileSize - (segment.FileSize % DynamicEntrySize), "the dynamic segment");
        for (int at = 0; at < table.Length; at += (int)DynamicEntrySize)
        {
            ulong tag = ElfReader.U64(table, at);
            ulong value = ElfReader.U64(table, at + 8);
            if (tag == 0)
            {
                return;
            }
            if (tag == neededLibrary)
            {
                _neededNames.Add(value);
            }
            else
            {
                _dynamic[tag] = value;
            }
        }
        throw new ElfFormatException("its dynamic segment has no end mark");
    }

    private readonly record struct LoadSegment(ulong Offset, ulong Address, ulong FileSize);
}
