namespace ModelGen.Elf;

/// <summary>Orders version names such as `GLIBCXX_3.4.9` and `GLIBCXX_3.4.30` by their numbers.</summary>
internal static class VersionNames
{
    /// <summary>The newest of the names that are <paramref name="prefix"/> and a dotted number, or null where there is none.</summary>
    public static string? Newest(IEnumerable<string> names, string prefix) =>
        names.Select(name => (Name: name, Number: Number(name, prefix)))
            .Where(version => version.Number is not null)
            .OrderByDescending(version => version.Number)
            .Select(version => version.Name)
            .FirstOrDefault();

    /// <summary>The dotted number after <paramref name="prefix"/>, or null where the name is not of that form.</summary>
    public static Version? Number(string name, string prefix)
    {
        if (!name.StartsWith(prefix, StringComparison.Ordinal))
        {
            return null;
        }
        string number = name.Substring(prefix.Length);
        // `Version` wants two parts at least; the names `GLIBC_2` and the like do not occur.
        return Version.TryParse(number, out Version? parsed) ? parsed : null;
    }
}
