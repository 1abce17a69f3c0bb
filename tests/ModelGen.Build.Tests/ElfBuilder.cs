using System.Text;

namespace ModelGen.Testing;

/// <summary>Makes small, well-formed x64 shared libraries that ask for and define what a test wants. They hold no code.</summary>
internal sealed class ElfBuilder
{
    private const int TablesStart = 0x100;

    private readonly List<(string Library, string Version, bool IsUsed)> _needs = [];
    private readonly List<string> _definitions = [];
    private readonly List<string> _libraries = [];
    private readonly MemoryStream _strings = new();

    public ushort Machine { get; init; } = 62;

    public ElfBuilder()
    {
        _strings.WriteByte(0);
    }

    public ElfBuilder Links(params string[] libraries)
    {
        _libraries.AddRange(libraries);
        return this;
    }

    public ElfBuilder Needs(string library, string version, bool isUsed)
    {
        _needs.Add((library, version, isUsed));
        return this;
    }

    public ElfBuilder Defines(params string[] versions)
    {
        _definitions.AddRange(versions);
        return this;
    }

    /// <summary>The file: header, two program headers, then the tables, loaded at the address that equals their offset.</summary>
    public byte[] Build()
    {
        var tags = new List<(ulong Tag, ulong Value)>();
        tags.AddRange(_libraries.Select(library => (1UL, (ulong)Text(library))));
        var body = new MemoryStream();
        AddTable(body, tags, 0x6ffffffe, NeedTable(), 0x6fffffff, _needs.Count);
        AddTable(body, tags, 0x6ffffffc, DefinitionTable(), 0x6ffffffd, _definitions.Count);
        AddTable(body, tags, 6, SymbolTable(), 11, 24);
        AddTable(body, tags, 0x6ffffff0, Words16([0, .. _needs.Select((_, i) => i + 2)]), 0, 0);
        byte[] relocations = Relocations();
        if (relocations.Length > 0)
        {
            AddTable(body, tags, 7, relocations, 8, relocations.Length);
            tags.Add((9, 24));
        }
        AddTable(body, tags, 5, _strings.ToArray(), 10, (int)_strings.Length);
        tags.Add((0, 0));
        return Assemble(body.ToArray(), tags);
    }

    private byte[] Assemble(byte[] body, List<(ulong Tag, ulong Value)> tags)
    {
        var file = new MemoryStream();
        var writer = new BinaryWriter(file);
        int dynamicStart = TablesStart + body.Length;
        int size = dynamicStart + (tags.Count * 16);
        writer.Write([0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        writer.Write((ushort)3);
        writer.Write(Machine);
        writer.Write(1);
        writer.Write(0UL);
        writer.Write(64UL);
        writer.Write(0UL);
        writer.Write(0);
        foreach (ushort value in (ushort[])[64, 56, 2, 64, 0, 0])
        {
            writer.Write(value);
        }
        Segment(writer, 1, 0, size);
        Segment(writer, 2, dynamicStart, tags.Count * 16);
        writer.Write(new byte[TablesStart - (int)file.Position]);
        writer.Write(body);
        foreach ((ulong tag, ulong value) in tags)
        {
            writer.Write(tag);
            writer.Write(value);
        }
        return file.ToArray();
    }

    private static void Segment(BinaryWriter writer, uint type, int offset, int size)
    {
        writer.Write(type);
        writer.Write(4);
        foreach (ulong value in (ulong[])[(ulong)offset, (ulong)offset, (ulong)offset, (ulong)size, (ulong)size, 8])
        {
            writer.Write(value);
        }
    }

    private static void AddTable(MemoryStream body, List<(ulong Tag, ulong Value)> tags, ulong tag, byte[] table, ulong countTag, int count)
    {
        if (table.Length == 0)
        {
            return;
        }
        body.Write(new byte[(8 - (body.Length % 8)) % 8]);
        tags.Add((tag, (ulong)(TablesStart + body.Length)));
        if (countTag != 0)
        {
            tags.Add((countTag, (ulong)count));
        }
        body.Write(table);
    }

    private byte[] NeedTable()
    {
        var table = new MemoryStream();
        var writer = new BinaryWriter(table);
        for (int i = 0; i < _needs.Count; i++)
        {
            (string library, string version, _) = _needs[i];
            bool isLast = i + 1 == _needs.Count;
            writer.Write((ushort)1);
            writer.Write((ushort)1);
            writer.Write(Text(library));
            writer.Write(16);
            writer.Write(isLast ? 0 : 32);
            writer.Write(Hash(version));
            writer.Write((ushort)0);
            writer.Write((ushort)(i + 2));
            writer.Write(Text(version));
            writer.Write(0);
        }
        return table.ToArray();
    }

    private byte[] DefinitionTable()
    {
        var table = new MemoryStream();
        var writer = new BinaryWriter(table);
        for (int i = 0; i < _definitions.Count; i++)
        {
            writer.Write((ushort)1);
            writer.Write((ushort)0);
            writer.Write((ushort)(i + 2));
            writer.Write((ushort)1);
            writer.Write(Hash(_definitions[i]));
            writer.Write(20);
            writer.Write(i + 1 == _definitions.Count ? 0 : 28);
            writer.Write(Text(_definitions[i]));
            writer.Write(0);
        }
        return table.ToArray();
    }

    private byte[] SymbolTable()
    {
        var table = new MemoryStream();
        table.Write(new byte[24]);
        var writer = new BinaryWriter(table);
        for (int i = 0; i < _needs.Count; i++)
        {
            writer.Write(Text($"symbol{i}"));
            writer.Write(new byte[20]);
        }
        return table.ToArray();
    }

    private byte[] Relocations()
    {
        var table = new MemoryStream();
        var writer = new BinaryWriter(table);
        for (int i = 0; i < _needs.Count; i++)
        {
            if (_needs[i].IsUsed)
            {
                writer.Write(0UL);
                writer.Write(((ulong)(i + 1) << 32) | 6);
                writer.Write(0UL);
            }
        }
        return table.ToArray();
    }

    private static byte[] Words16(IEnumerable<int> values) => [.. values.SelectMany(value => BitConverter.GetBytes((ushort)value))];

    private int Text(string text)
    {
        int at = (int)_strings.Length;
        _strings.Write(Encoding.ASCII.GetBytes(text));
        _strings.WriteByte(0);
        return at;
    }

    private static uint Hash(string name)
    {
        uint hash = 0;
        foreach (char c in name)
        {
            hash = (hash << 4) + c;
            uint high = hash & 0xf0000000;
            hash = (hash ^ (high >> 24)) & ~high;
        }
        return hash;
    }
}
