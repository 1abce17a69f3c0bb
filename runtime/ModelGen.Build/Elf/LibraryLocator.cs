namespace ModelGen.Elf;

/// <summary>Finds a shared library where the Linux loader would: `LD_LIBRARY_PATH`, the loader's cache, the standard folders, in that order.</summary>
internal static class LibraryLocator
{
    public const string CppRuntime = "libstdc++.so.6";

    private const string Cache = "/etc/ld.so.cache";

    private static readonly string[] StandardFolders =
        ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"];

    /// <summary>The path of the x64 library, or null where the machine has none.</summary>
    /// <param name="library">A file name such as `libstdc++.so.6`.</param>
    /// <param name="searchPath">The value of `LD_LIBRARY_PATH`, or null.</param>
    /// <param name="exists">Whether a file exists.</param>
    /// <param name="read">Reads a whole file.</param>
    public static string? Find(string library, string? searchPath, Func<string, bool> exists, Func<string, byte[]> read)
    {
        IEnumerable<string> folders = (searchPath ?? "").Split(':', ';').Where(folder => folder.Length > 0);
        if (InFolders(folders, library, exists) is { } overridden)
        {
            return overridden;
        }
        if (exists(Cache) && LoaderCache.Find(read(Cache), library) is { } cached && exists(cached))
        {
            return cached;
        }
        return InFolders(StandardFolders, library, exists);
    }

    private static string? InFolders(IEnumerable<string> folders, string library, Func<string, bool> exists) =>
        folders.Select(folder => $"{folder.TrimEnd('/')}/{library}").FirstOrDefault(exists);
}
