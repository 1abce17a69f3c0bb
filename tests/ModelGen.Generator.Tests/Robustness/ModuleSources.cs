using System.Reflection;

namespace ModelGen.Generator.Tests;

/// <summary>TorchSharp modules in the styles that people write, embedded from the folder Sources; every one compiles without a diagnostic.</summary>
internal static class ModuleSources
{
    private const string Prefix = "Robustness.";

    /// <summary>Names and texts, in the order of the names.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> All { get; } =
    [
        .. typeof(ModuleSources).Assembly.GetManifestResourceNames()
            .Where(static name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(static name => new KeyValuePair<string, string>(name[Prefix.Length..^".cs".Length], Read(name))),
    ];

    public static string Get(string name) => All.First(pair => pair.Key == name).Value;

    private static string Read(string resource)
    {
        using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)!);
        return reader.ReadToEnd();
    }
}
