namespace ModelGen.Native;

/// <summary>One native file as the doctor sees it.</summary>
internal sealed record ExaminedLibrary(string Name, string? Path)
{
    /// <summary>The ELF machine number, where the file is a Linux library.</summary>
    public ushort? Machine { get; init; }

    /// <summary>Why the file could not be read, or null.</summary>
    public string? Fault { get; init; }

    public IReadOnlyList<LackingVersion> Versions { get; init; } = [];

    /// <summary>Libraries that this one needs and that are neither beside it nor on the machine.</summary>
    public IReadOnlyList<string> Missing { get; init; } = [];

    public NativeLibraryFinding ToFinding()
    {
        IEnumerable<string> versions = Versions.Select(lack => lack.IsUsed
            ? $"{lack.Version} of {lack.Library}"
            : $"{lack.Version} of {lack.Library} (asked for but not used)");
        IEnumerable<string> faults = Fault is null ? [] : [$"readable content: {Fault}"];
        return new NativeLibraryFinding(Name, Path, [.. faults, .. versions, .. Missing.Select(library => $"the library {library}")]);
    }
}

/// <summary>A version that a library asks for and the machine's copy of the library asked does not have.</summary>
internal sealed record LackingVersion(string Library, string Version, bool IsUsed);
