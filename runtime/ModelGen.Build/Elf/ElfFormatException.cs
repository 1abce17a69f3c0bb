namespace ModelGen.Elf;

/// <summary>The bytes are not the shared library that they claim to be; the message says which part is wrong.</summary>
internal sealed class ElfFormatException(string fault) : Exception(fault);
