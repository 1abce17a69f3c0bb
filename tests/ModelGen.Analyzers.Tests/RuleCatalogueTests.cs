using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers.Tests;

/// <summary>A rule is complete only with its page, its rows in the index and the release file, its tests and the promised fix.</summary>
public sealed partial class RuleCatalogueTests
{
    private static readonly string[] s_sections = ["## Bad", "## Good", "## Why", "## Limits", "## How to suppress", "## Configuration"];

    private static readonly string s_analyzers = Path.Combine(Repository(), "analyzers");

    public static TheoryData<string> Ids => [.. Catalogue.Rules.Select(rule => rule.Id)];

    [Fact]
    public void RuleIds_AreUniqueAndAllImplemented()
    {
        string[] declared = [.. typeof(RuleIds).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (string)field.GetRawConstantValue()!)];

        Assert.Equal(declared.Order(), declared.Distinct().Order());
        Assert.Equal(declared.Order(), Catalogue.Rules.Select(rule => rule.Id).Order());
    }

    [Fact]
    public void CompilerLoadsEveryAnalyzerFromTheAssembly()
    {
        var reference = new AnalyzerFileReference(typeof(RuleIds).Assembly.Location, new Loader());

        Assert.Equal(Catalogue.Analyzers.Select(analyzer => analyzer.GetType().Name).Order(), reference.GetAnalyzers(LanguageNames.CSharp).Select(analyzer => analyzer.GetType().Name).Order());
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void Descriptor_IsComplete(string id)
    {
        DiagnosticDescriptor rule = Catalogue.Rule(id);

        Assert.Matches("^MG[1-6][0-9]{3}$", id);
        Assert.Equal($"https://github.com/modelgen/modelgen/blob/main/analyzers/rules/{id}.md", rule.HelpLinkUri);
        Assert.StartsWith("ModelGen.", rule.Category, StringComparison.Ordinal);
        Assert.NotEmpty(rule.Description.ToString());
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void Class_IsNamedAndPlacedAfterItsRule(string id)
    {
        Type analyzer = Catalogue.Analyzer(id).GetType();

        Assert.StartsWith(id + "_", analyzer.Name, StringComparison.Ordinal);
        Assert.EndsWith("." + Catalogue.Rule(id).Category.Split('.')[1], analyzer.Namespace!, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void Page_HasEverySection(string id)
    {
        DiagnosticDescriptor rule = Catalogue.Rule(id);
        string page = File.ReadAllText(Path.Combine(s_analyzers, "rules", id + ".md"));

        Assert.StartsWith($"# {id}: {rule.Title}\n", page, StringComparison.Ordinal);
        Assert.All(s_sections, section => Assert.Contains($"\n{section}\n", page, StringComparison.Ordinal));
        Assert.Contains($"| {rule.Category} | {Shown(rule)} | {(Catalogue.Fix(id) is null ? "No" : "Yes: ")}", page, StringComparison.Ordinal);
        Assert.Contains($"dotnet_diagnostic.{id}.severity", page, StringComparison.Ordinal);
        Assert.Equal(!rule.IsEnabledByDefault, page.Contains("The rule is off by default", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void ReleaseFile_HasTheRow(string id)
    {
        DiagnosticDescriptor rule = Catalogue.Rule(id);
        string rows = File.ReadAllText(Path.Combine(s_analyzers, "ModelGen.Analyzers", "AnalyzerReleases.Unshipped.md"))
            + File.ReadAllText(Path.Combine(s_analyzers, "ModelGen.Analyzers", "AnalyzerReleases.Shipped.md"));

        Assert.Contains($"{id} | {rule.Category} | {(rule.IsEnabledByDefault ? rule.DefaultSeverity.ToString() : "Disabled")} | ", rows, StringComparison.Ordinal);
    }

    [Fact]
    public void Readme_TableIsTheCatalogue()
    {
        string expected = string.Concat(Catalogue.Rules.OrderBy(rule => rule.Id, StringComparer.Ordinal).Select(rule =>
            $"| [{rule.Id}]({rule.Id}.md) | {rule.Title} | {rule.Category} | {Shown(rule)} | {(Catalogue.Fix(rule.Id) is null ? "no" : "yes")} |\n"));
        string readme = File.ReadAllText(Path.Combine(s_analyzers, "rules", "README.md"));

        Assert.EndsWith("|------|-------------|----------|------------------|----------|\n" + expected, readme, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void Tests_CoverReportsSilenceAndFixes(string id)
    {
        Type? tests = typeof(RuleCatalogueTests).Assembly.GetTypes().SingleOrDefault(type => type.Name == Catalogue.Analyzer(id).GetType().Name + "Tests");
        Assert.True(tests is not null, $"{id} has no test class {Catalogue.Analyzer(id).GetType().Name}Tests.");
        string[] names = [.. tests.GetMethods().Where(method => method.GetCustomAttribute<FactAttribute>() is not null).Select(method => method.Name)];

        Assert.True(names.Count(name => name.StartsWith("Reports_", StringComparison.Ordinal)) >= 3, $"{id} needs three tests named Reports_...");
        Assert.True(names.Count(name => name.StartsWith("Ignores_", StringComparison.Ordinal)) >= 3, $"{id} needs three tests named Ignores_...");
        if (Catalogue.Fix(id) is { } fix)
        {
            Assert.NotNull(fix.GetFixAllProvider());
            Assert.Contains(names, name => name.StartsWith("Fixes_", StringComparison.Ordinal));
            Assert.Contains(names, name => name.StartsWith("FixesAll_", StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("default")]
    [InlineData("strict")]
    [InlineData("none")]
    public void Preset_ListsEveryRule(string preset)
    {
        string path = Path.Combine(Repository(), "runtime", "ModelGen.Runtime", "build", "presets", preset + ".globalconfig");
        string expected = Preset(preset);
        if (Environment.GetEnvironmentVariable("MODELGEN_WRITE_PRESETS") == "1")
        {
            File.WriteAllText(path, expected);
        }

        // After a change of the rules: MODELGEN_WRITE_PRESETS=1 dotnet test tests/ModelGen.Analyzers.Tests --filter Preset_ListsEveryRule
        Assert.Equal(expected, File.ReadAllText(path));
    }

    /// <summary>The table of TorchFix's rules, and what the text says of single rules.</summary>
    [Fact]
    public void Readme_NamesOnlyRulesWithAPage()
    {
        string readme = File.ReadAllText(Path.Combine(s_analyzers, "rules", "README.md"));

        Assert.All(RuleName().Matches(readme).Select(match => match.Value).Distinct(), id => Assert.True(File.Exists(Path.Combine(s_analyzers, "rules", id + ".md")), id));
        Assert.All((string[])["TOR001", "TOR101", "TOR106", "TOR107", "TOR108", "TOR109", "TOR401", "TOR402"], id => Assert.Matches($"\\| [^|\n]*{id}[^|\n]* \\|[^|\n]*\\| [^\n]*MG[0-9]{{4}}", readme));
    }

    [Fact]
    public void Pages_ExistForNothingElse()
    {
        IEnumerable<string> pages = Directory.GetFiles(Path.Combine(s_analyzers, "rules"), "*.md").Select(Path.GetFileNameWithoutExtension).OfType<string>().Where(name => PageName().IsMatch(name));

        // MG6xxx are the compiler's own rules about models; the tests of the generator look after their pages.
        Assert.Equal(Catalogue.Rules.Select(rule => rule.Id).Order(), pages.Where(page => !page.StartsWith("MG6", StringComparison.Ordinal)).Order());
    }

    /// <summary>The severity as pages and the index show it.</summary>
    private static string Shown(DiagnosticDescriptor rule) => rule.IsEnabledByDefault ? rule.DefaultSeverity.ToString() : $"{rule.DefaultSeverity} (off)";

    /// <summary>
    /// The text of a preset. <c>default</c> states what the rules do by themselves, <c>strict</c> raises each by one level and
    /// switches the rest on, <c>none</c> switches all off. The level is below that of any file of the user's.
    /// </summary>
    private static string Preset(string preset) =>
        $"is_global = true\nglobal_level = -10\n\n# ModelGenAnalyzers={preset}\n"
        + string.Concat(Catalogue.Rules.Select(rule => (rule.Id, IsOn: rule.IsEnabledByDefault, Severity: rule.DefaultSeverity))
            .Concat(ModelRules())
            .OrderBy(rule => rule.Id, StringComparer.Ordinal)
            .Select(rule => $"dotnet_diagnostic.{rule.Id}.severity = {Level(preset, rule.IsOn, rule.Severity)}\n"));

    /// <summary>The compiler's rules about models, from their table in the index, which the generator's tests hold in step with the code.</summary>
    private static IEnumerable<(string Id, bool IsOn, DiagnosticSeverity Severity)> ModelRules() =>
        ModelRule().Matches(File.ReadAllText(Path.Combine(s_analyzers, "rules", "README.md")))
            .Select(row => (row.Groups["id"].Value, !row.Groups["off"].Success, Enum.Parse<DiagnosticSeverity>(row.Groups["severity"].Value)));

    private static string Level(string preset, bool isOn, DiagnosticSeverity severity) => (preset, isOn, severity) switch
    {
        ("none", _, _) or ("default", false, _) => "none",
        ("strict", false, _) or ("default", true, DiagnosticSeverity.Info) => "suggestion",
        ("strict", true, DiagnosticSeverity.Info) or ("default", true, DiagnosticSeverity.Warning) => "warning",
        _ => "error",
    };

    [GeneratedRegex("\\bMG[1-6][0-9]{3}\\b")]
    private static partial Regex RuleName();

    [GeneratedRegex("^MG[0-9]{4}$")]
    private static partial Regex PageName();

    [GeneratedRegex(@"^\| \[(?<id>MG6[0-9]{3})\]\(\k<id>\.md\) \| [^|]* \| (?<severity>Info|Warning|Error)(?<off>, off by default)? \|$", RegexOptions.Multiline)]
    private static partial Regex ModelRule();

    private static string Repository([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));

    private sealed class Loader : IAnalyzerAssemblyLoader
    {
        public void AddDependencyLocation(string fullPath)
        {
        }

        public Assembly LoadFromPath(string fullPath) => typeof(RuleIds).Assembly;
    }
}
