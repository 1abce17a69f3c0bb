namespace ModelGen.Elf;

/// <summary>What versions a library asks for, which it defines, and which of those asked for any relocation uses.</summary>
internal static class ElfVersions
{
    public const ushort WeakFlag = 2;

    private const int MostEntries = 65536;
    private const int NeedSize = 16;
    private const int DefinitionSize = 20;
    private const int DefinitionNameSize = 8;
    private const int SymbolSize = 24;
    private const int RelocationSize = 24;

    /// <summary>Every version the library asks of other libraries.</summary>
    public static IReadOnlyList<VersionNeed> Needs(ElfImage image)
    {
        if (image.Dynamic(DynamicTag.VersionNeeds) is not { } address)
        {
            return [];
        }
        var needs = new List<VersionNeed>();
        ulong at = image.FileOffset(address, "the table of needed versions");
        ulong count = Count(image, DynamicTag.VersionNeedCount, "count of needed versions");
        for (ulong i = 0; i < count; i++)
        {
            byte[] entry = image.Reader.Bytes(at, NeedSize, "an entry of the table of needed versions");
            if (ElfReader.U16(entry, 0) != 1)
            {
                throw new ElfFormatException("the table of needed versions has an unknown format");
            }
            string library = image.DynamicText(ElfReader.U32(entry, 4), "the library name of a needed version");
            AddNeeds(image, library, at + ElfReader.U32(entry, 8), ElfReader.U16(entry, 2), needs);
            at += Next(ElfReader.U32(entry, 12), isLast: i + 1 == count, "the table of needed versions");
        }
        return needs;
    }

    /// <summary>Every version the library defines for others to ask for, e.g. `GLIBCXX_3.4.30`.</summary>
    public static IReadOnlyList<string> Definitions(ElfImage image)
    {
        if (image.Dynamic(DynamicTag.VersionDefinitions) is not { } address)
        {
            return [];
        }
        const string what = "the table of defined versions";
        var names = new List<string>();
        ulong at = image.FileOffset(address, what);
        ulong count = Count(image, DynamicTag.VersionDefinitionCount, "count of defined versions");
        for (ulong i = 0; i < count; i++)
        {
            byte[] entry = image.Reader.Bytes(at, DefinitionSize, "an entry of the table of defined versions");
            byte[] name = image.Reader.Bytes(at + ElfReader.U32(entry, 12), DefinitionNameSize, "the name of a defined version");
            names.Add(image.DynamicText(ElfReader.U32(name, 0), "the name of a defined version"));
            at += Next(ElfReader.U32(entry, 16), isLast: i + 1 == count, what);
        }
        return names;
    }

    /// <summary>
    /// The version numbers (<see cref="VersionNeed.Index"/>) that at least one relocation looks a symbol up with, each with one such symbol.
    /// A version that is not here is asked for, but the loader never uses it.
    /// </summary>
    public static IReadOnlyDictionary<int, string> UsedVersions(ElfImage image)
    {
        if (image.Dynamic(DynamicTag.Rel) is not null)
        {
            throw new ElfFormatException("it has relocations without addends, which no x64 library has");
        }
        if (image.Dynamic(DynamicTag.SymbolEntrySize) is { } size && size != SymbolSize)
        {
            throw new ElfFormatException($"its symbols have {size} bytes, expected {SymbolSize}");
        }
        ulong versions = image.FileOffset(image.Required(DynamicTag.VersionSymbols, "symbol version table"), "the symbol version table");
        ulong symbols = image.FileOffset(image.Required(DynamicTag.SymbolTable, "symbol table"), "the symbol table");
        var used = new Dictionary<int, string>();
        foreach (uint symbol in RelocatedSymbols(image))
        {
            int version = ElfReader.U16(image.Reader.Bytes(versions + (2UL * symbol), 2, "the symbol version table"), 0) & 0x7fff;
            if (!used.ContainsKey(version))
            {
                byte[] entry = image.Reader.Bytes(symbols + ((ulong)SymbolSize * symbol), SymbolSize, "the symbol table");
                used.Add(version, image.DynamicText(ElfReader.U32(entry, 0), "the name of a symbol"));
            }
        }
        return used;
    }

    private static void AddNeeds(ElfImage image, string library, ulong at, int count, List<VersionNeed> needs)
    {
        for (int i = 0; i < count; i++)
        {
            byte[] entry = image.Reader.Bytes(at, NeedSize, "a needed version");
            string version = image.DynamicText(ElfReader.U32(entry, 8), "the name of a needed version");
            if (ElfReader.U32(entry, 0) != Hash(version))
            {
                throw new ElfFormatException($"the needed version '{version}' has a wrong hash");
            }
            bool isWeak = (ElfReader.U16(entry, 4) & WeakFlag) != 0;
            needs.Add(new VersionNeed(library, version, ElfReader.U16(entry, 6) & 0x7fff, isWeak, at + 4));
            at += Next(ElfReader.U32(entry, 12), isLast: i + 1 == count, "the list of needed versions");
        }
    }

    private static HashSet<uint> RelocatedSymbols(ElfImage image)
    {
        const ulong rela = 7;
        var symbols = new HashSet<uint>();
        if (image.Dynamic(DynamicTag.Rela) is { } table)
        {
            if (image.Required(DynamicTag.RelaEntrySize, "relocation size") != RelocationSize)
            {
                throw new ElfFormatException($"its relocations do not have {RelocationSize} bytes");
            }
            AddSymbols(image, table, image.Required(DynamicTag.RelaSize, "relocation table size"), symbols);
        }
        if (image.Dynamic(DynamicTag.PltRel) is { } plt)
        {
            if (image.Required(DynamicTag.PltRelKind, "kind of the procedure linkage relocations") != rela)
            {
                throw new ElfFormatException("its procedure linkage relocations have no addends, which no x64 library has");
            }
            AddSymbols(image, plt, image.Required(DynamicTag.PltRelSize, "procedure linkage relocation size"), symbols);
        }
        return symbols;
    }

    private static void AddSymbols(ElfImage image, ulong address, ulong size, HashSet<uint> symbols)
    {
        if (size == 0)
        {
            return;
        }
        if (size % RelocationSize != 0)
        {
            throw new ElfFormatException($"a relocation table of {size} bytes is not a whole number of relocations");
        }
        byte[] table = image.Reader.Bytes(image.FileOffset(address, "a relocation table"), size, "a relocation table");
        for (int at = 0; at < table.Length; at += RelocationSize)
        {
            uint symbol = ElfReader.U32(table, at + 12);
            if (symbol != 0)
            {
                symbols.Add(symbol);
            }
        }
    }

    private static ulong Count(ElfImage image, DynamicTag tag, string what)
    {
        ulong count = image.Required(tag, what);
        return count <= MostEntries ? count : throw new ElfFormatException($"its {what} is {count}");
    }

    private static ulong Next(uint step, bool isLast, string what) =>
        step != 0 || isLast ? step : throw new ElfFormatException($"{what} ends before its count");

    // The hash of the System V ABI; the loader compares it before the name.
    private static uint Hash(string name)
    {
        uint hash = 0;
        foreach (char c in name)
        {
            hash = (hash << 4) + (byte)c;
            uint high = hash & 0xf0000000;
            hash = (hash ^ (high >> 24)) & ~high;
        }
        return hash;
    }
}
