using System.Text.RegularExpressions;
using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Modules;

namespace ModelGen.Compiler.Tests.FrontEnd;

/// <summary>docs/supported.md, which messages send users to, lists what the compiler knows and nothing else.</summary>
public sealed partial class SupportedDocumentTests
{
    private static readonly string Text = File.ReadAllText(Find("docs/supported.md"));

    [Fact]
    public void Layers_AreTheRegistered() =>
        Assert.Equal(ModuleRegistry.All.Select(static module => module.Name).Order(StringComparer.Ordinal), Names("| layers | names |"));

    [Fact]
    public void Functions_AreTheKnown() => Assert.Equal(
        TensorFunctions.Names.Select(static key => key[(key.IndexOf('.') + 1)..]).Distinct().Order(StringComparer.Ordinal),
        Names("| functions | names |"));

    /// <summary>The names in backticks of the table below a heading row.</summary>
    private static IEnumerable<string> Names(string heading)
    {
        string table = Text[Text.IndexOf(heading, StringComparison.Ordinal)..];
        return Quoted().Matches(table[..table.IndexOf("\n\n", StringComparison.Ordinal)]).Select(static match => match.Groups[1].Value).Order(StringComparer.Ordinal);
    }

    private static string Find(string file)
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, file)))
            {
                return Path.Combine(folder.FullName, file);
            }
        }

        throw new FileNotFoundException(file);
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Quoted();
}
