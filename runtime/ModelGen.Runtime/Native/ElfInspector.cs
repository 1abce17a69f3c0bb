using System.Runtime.InteropServices;
using ModelGen.Elf;

namespace ModelGen.Native;

/// <summary>Compares what a Linux library asks for with what the machine has.</summary>
internal sealed class ElfInspector(IMachine machine)
{
    private readonly Dictionary<string, IReadOnlyCollection<string>?> _versions = [];

    public ExaminedLibrary Examine(string name, string? path)
    {
        var library = new ExaminedLibrary(name, path);
        if (path is null || machine.Platform != OSPlatform.Linux)
        {
            return library;
        }
        try
        {
            using Stream stream = machine.OpenRead(path);
            return Examine(library, path, ElfImage.Read(stream));
        }
        catch (Exception fault) when (fault is ElfFormatException or IOException or UnauthorizedAccessException)
        {
            return library with { Fault = fault.Message };
        }
    }

    /// <summary>The path of a library of the system, or null.</summary>
    public string? Locate(string library) =>
        LibraryLocator.Find(library, machine.LibrarySearchPath, machine.FileExists, ReadAll);

    /// <summary>The versions that a library of the system defines, or null where it is missing or unreadable.</summary>
    public IReadOnlyCollection<string>? VersionsOf(string library)
    {
        if (!_versions.TryGetValue(library, out IReadOnlyCollection<string>? versions))
        {
            versions = Locate(library) is { } path ? ReadVersions(path) : null;
            _versions.Add(library, versions);
        }
        return versions;
    }

    private ExaminedLibrary Examine(ExaminedLibrary library, string path, ElfImage image)
    {
        if (image.Machine != ElfImage.X64 || machine.Architecture != Architecture.X64)
        {
            return library with { Machine = image.Machine };
        }
        List<VersionNeed> lacking = [.. ElfVersions.Needs(image).Where(need =>
            !need.IsWeak && VersionsOf(need.Library) is { } offered && !offered.Contains(need.Version))];
        IReadOnlyDictionary<int, string> used = lacking.Count > 0 ? ElfVersions.UsedVersions(image) : new Dictionary<int, string>();
        string folder = Path.GetDirectoryName(path) ?? "";
        return library with
        {
            Machine = image.Machine,
            Versions = [.. lacking.Select(need => new LackingVersion(need.Library, need.Version, used.ContainsKey(need.Index)))],
            Missing = [.. image.NeededLibraries().Where(needed => !machine.FileExists(Path.Combine(folder, needed)) && !IsInstalled(needed))],
        };
    }

    // An application may keep libtorch in another folder than the binding; the loader has it in memory by then.
    private bool IsInstalled(string library) =>
        machine.NativeFolders.Any(folder => machine.FileExists(Path.Combine(folder, library))) || Locate(library) is not null;

    private IReadOnlyCollection<string>? ReadVersions(string path)
    {
        try
        {
            using Stream stream = machine.OpenRead(path);
            return ElfVersions.Definitions(ElfImage.Read(stream)).ToHashSet(StringComparer.Ordinal);
        }
        catch (Exception fault) when (fault is ElfFormatException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private byte[] ReadAll(string path)
    {
        using Stream stream = machine.OpenRead(path);
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
