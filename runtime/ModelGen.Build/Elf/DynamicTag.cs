namespace ModelGen.Elf;

/// <summary>The tags of the dynamic segment that version checking touches (ELF and GNU extensions, System V ABI chapter 5).</summary>
internal enum DynamicTag : ulong
{
    StringTable = 5,
    SymbolTable = 6,
    Rela = 7,
    RelaSize = 8,
    RelaEntrySize = 9,
    StringTableSize = 10,
    SymbolEntrySize = 11,
    SharedName = 14,
    Rel = 17,
    PltRelSize = 2,
    PltRelKind = 20,
    PltRel = 23,
    VersionSymbols = 0x6ffffff0,
    VersionDefinitions = 0x6ffffffc,
    VersionDefinitionCount = 0x6ffffffd,
    VersionNeeds = 0x6ffffffe,
    VersionNeedCount = 0x6fffffff,
}
