namespace ModelGen.Elf;

/// <summary>
/// Makes a library loadable beside an older C++ runtime, where that is safe: a version that the runtime lacks and that no relocation uses
/// is marked weak, which is how the linker itself says "not needed to start". Nothing else in the file changes.
/// </summary>
internal static class VersionMender
{
    /// <summary>Decides what can be mended in <paramref name="library"/> and does it on a copy.</summary>
    /// <param name="library">The bytes of the library; left alone.</param>
    /// <param name="provider">The file name of the library whose versions are checked, e.g. `libstdc++.so.6`.</param>
    /// <param name="offered">The versions that the provider has, or null to mend every unused version whatever the provider has.</param>
    /// <exception cref="ElfFormatException">The bytes are not a well-formed x64 shared library.</exception>
    public static Mending Mend(byte[] library, string provider, IReadOnlyCollection<string>? offered)
    {
        ElfImage image = ElfImage.Read(new MemoryStream(library, writable: false));
        if (image.Machine != ElfImage.X64)
        {
            throw new ElfFormatException($"it is not an x64 library (machine {image.Machine})");
        }
        List<VersionNeed> lacking = [.. ElfVersions.Needs(image).Where(need =>
            need.Library == provider && !need.IsWeak && (offered is null || !offered.Contains(need.Version)))];
        if (lacking.Count == 0)
        {
            return new Mending(library, [], []);
        }
        IReadOnlyDictionary<int, string> used = ElfVersions.UsedVersions(image);
        List<VersionNeed> unused = [.. lacking.Where(need => !used.ContainsKey(need.Index))];
        List<UsedVersion> broken = offered is null
            ? []
            : [.. lacking.Where(need => used.ContainsKey(need.Index)).Select(need => new UsedVersion(need.Version, used[need.Index]))];
        byte[] copy = (byte[])library.Clone();
        foreach (VersionNeed need in unused)
        {
            copy[(int)need.FlagsOffset] |= (byte)ElfVersions.WeakFlag;
        }
        Check(copy, unused);
        return new Mending(copy, [.. unused.Select(need => need.Version)], broken);
    }

    // Overlapping tables in a garbled file could make one entry's flags another's name: read the result back before anyone gets it.
    private static void Check(byte[] copy, List<VersionNeed> mended)
    {
        IReadOnlyList<VersionNeed> after = ElfVersions.Needs(ElfImage.Read(new MemoryStream(copy, writable: false)));
        foreach (VersionNeed need in mended)
        {
            if (!after.Contains(need with { IsWeak = true }))
            {
                throw new ElfFormatException("its version tables overlap");
            }
        }
    }
}

/// <summary>The result of <see cref="VersionMender.Mend"/>.</summary>
/// <param name="Library">The library to use: the bytes given where nothing was mended.</param>
/// <param name="Mended">The versions that were marked weak.</param>
/// <param name="Broken">The lacking versions that are really used: the library will not load, and nothing can be mended about that.</param>
internal sealed record Mending(byte[] Library, IReadOnlyList<string> Mended, IReadOnlyList<UsedVersion> Broken);

/// <summary>A version that a relocation uses, and one symbol that it is used for.</summary>
internal sealed record UsedVersion(string Version, string Symbol);
