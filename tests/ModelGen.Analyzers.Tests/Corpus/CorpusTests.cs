using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers.Tests.Corpus;

public sealed partial class CorpusTests
{
    [Fact]
    public async Task OrdinaryTrainingCode_IsNotReported()
    {
        (ImmutableArray<Diagnostic> reports, CSharpCompilation compilation, List<Exception> failures) = await AnalyzeAsync(Corpus());

        Assert.Empty(compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
        Assert.Empty(failures);
        Assert.Empty(reports.Select(report => report.ToString()));
    }

    [Theory]
    [InlineData("Agents")]
    [InlineData("Generative")]
    [InlineData("Sequences")]
    public async Task OrdinaryProgram_IsNotReported(string program)
    {
        string source = await File.ReadAllTextAsync(Path.Combine(Folder(), "Ordinary", program + ".cs"));

        (ImmutableArray<Diagnostic> reports, CSharpCompilation compilation, List<Exception> failures) =
            await AnalyzeAsync("using System; using System.Collections.Generic; using System.Linq;" + source);

        Assert.Empty(compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
        Assert.Empty(failures);
        Assert.Empty(reports.Select(report => report.ToString()));
    }

    [Theory]
    [InlineData("DigitClassifier")]
    [InlineData("PolicyGradient")]
    [InlineData("VariationalAutoencoder")]
    public async Task ProgramInTheStyleOfPublicOnes_IsReportedWhereItIsWrong(string program)
    {
        string[] lines = await File.ReadAllLinesAsync(Path.Combine(Folder(), "Programs", program + ".cs"));
        List<string> expected = [.. lines.SelectMany((line, index) => ExpectedRule().Matches(line).Select(match => $"{index + 1} {match.Value}"))];

        (ImmutableArray<Diagnostic> reports, CSharpCompilation compilation, List<Exception> failures) =
            await AnalyzeAsync("using System; using System.Collections.Generic; using System.Linq;" + string.Join("\n", lines));

        Assert.Empty(compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
        Assert.Empty(failures);
        Assert.NotEmpty(expected);
        Assert.Equal(
            expected.Order(StringComparer.Ordinal),
            reports.Where(report => OfThesePrograms(report.Id)).Select(report => $"{report.Location.GetLineSpan().StartLinePosition.Line + 1} {report.Id}").Order(StringComparer.Ordinal));
    }

    /// <summary>The nine ways to lose layers or optimizer state, each written in several styles, beside right code that resembles it.</summary>
    [Theory]
    [InlineData("AutoProperty")]
    [InlineData("DerivedLayers")]
    [InlineData("ListOfLayers")]
    [InlineData("NullAtRegistration")]
    [InlineData("OptimizerBeforeMove")]
    [InlineData("Reassigned")]
    [InlineData("RegisteredTwice")]
    [InlineData("RootNotRegistered")]
    [InlineData("SequentialElement")]
    public async Task Trap_IsFoundInEveryStyle(string trap)
    {
        string[] lines = await File.ReadAllLinesAsync(Path.Combine(Folder(), "Traps", trap + ".cs"));
        List<string> expected = [.. lines.SelectMany((line, index) => ExpectedRule().Matches(line).Select(match => $"{index + 1} {match.Value}"))];

        (ImmutableArray<Diagnostic> reports, CSharpCompilation compilation, List<Exception> failures) =
            await AnalyzeAsync("using System; using System.Collections.Generic; using System.Linq; using System.Threading.Tasks;" + string.Join("\n", lines), OutputKind.ConsoleApplication);

        Assert.Empty(compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
        Assert.Empty(failures);
        Assert.True(expected.Count >= 3, trap);
        List<string> found = [.. reports.Where(report => OfTheTraps(report.Id)).Select(report => $"{report.Location.GetLineSpan().StartLinePosition.Line + 1} {report.Id}")];
        string missed = string.Join(", ", expected.Except(found));
        string wrong = string.Join(", ", found.Except(expected));
        Assert.True(missed.Length + wrong.Length == 0 && expected.Count == found.Count, $"missed: {missed}; wrong: {wrong}");
    }

    /// <summary>The rules about what a module registers, and about optimizers that hold parameters of the past.</summary>
    private static bool OfTheTraps(string id) => id is RuleIds.OptimizerBeforeMove or RuleIds.ComponentsNotRegistered or RuleIds.AssignedAfterRegistration or RuleIds.ModuleCollectionNotRegistered
        or RuleIds.DerivedComponentsNotRegistered or RuleIds.AssignedOutsideConstructor or RuleIds.ModuleInAutoProperty or RuleIds.LayerRegisteredTwice;

    [Fact]
    public async Task CodeOfThisRepository_IsNotReported()
    {
        string root = Path.GetFullPath(Path.Combine(Folder(), "..", "..", ".."));
        var reports = new List<string>();
        foreach (string project in new[] { "samples", "runtime", "tests" }.SelectMany(folder => Directory.GetDirectories(Path.Combine(root, folder))).Where(folder => Directory.GetFiles(folder, "*.csproj").Length > 0 && !folder.Contains("Analyzers.Tests", StringComparison.Ordinal)))
        {
            IEnumerable<SyntaxTree> trees = Directory.GetFiles(Path.Combine(root, project), "*.cs", SearchOption.AllDirectories)
                .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal))
                .Select(file => CSharpSyntaxTree.ParseText(File.ReadAllText(file), path: Path.GetRelativePath(root, file)));
            SyntaxTree usings = CSharpSyntaxTree.ParseText("global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Threading; global using System.Threading.Tasks;");
            CSharpCompilation compilation = CSharpCompilation.Create(project, [usings, .. trees], References.All, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable)
                .WithSpecificDiagnosticOptions(Catalogue.Rules.Where(rule => !rule.IsEnabledByDefault).Select(rule => KeyValuePair.Create(rule.Id, ReportDiagnostic.Suppress))));
            ImmutableArray<Diagnostic> found = await compilation.WithAnalyzers([.. Catalogue.Analyzers]).GetAnalyzerDiagnosticsAsync();
            reports.AddRange(found.Select(report => report.ToString()));
        }

        Assert.True(reports.Count == 0, string.Join("\n", reports));
    }

    /// <summary>The blocks of training, modules and numerics; memory and speed of these programs are other tests' business.</summary>
    private static bool OfThesePrograms(string id) => id[2] is '3' or '4' or '5';

    [GeneratedRegex("(?<=//.*)MG[0-9]{4}")]
    private static partial Regex ExpectedRule();

    [Theory]
    [InlineData("using var noGrad = torch.no_grad();", "torch.no_grad();", RuleIds.GradModeNotDisposed)]
    [InlineData("using var noGrad = torch.no_grad();", "", RuleIds.EvaluationWithoutNoGrad)]
    [InlineData("return penalty.MoveToOuterDisposeScope();", "return penalty;", RuleIds.TensorReturnedFromScope)]
    [InlineData("ModuleList<Block> _blocks", "List<Block> _blocks", RuleIds.ModuleCollectionNotRegistered)]
    public async Task CorpusWithAPlantedMistake_IsReported(string correct, string mistaken, string id)
    {
        (ImmutableArray<Diagnostic> reports, _, _) = await AnalyzeAsync(Corpus().Replace(correct, mistaken, StringComparison.Ordinal));

        Assert.Equal([id], reports.Select(report => report.Id));
    }

    [Fact]
    public async Task WithoutTorchSharp_NothingIsReported()
    {
        const string Source = "static class torch { public static object NewDisposeScope() => null; } class C { void M() { torch.NewDisposeScope(); } }";
        CSharpCompilation compilation = Compile(Source, References.All.Take(References.All.Count - 1));

        Assert.Empty(await compilation.WithAnalyzers([.. Catalogue.Analyzers]).GetAnalyzerDiagnosticsAsync());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task GarbledSources_NeverMakeAnAnalyzerThrow(int seed)
    {
        var random = new Random(seed);
        string snippets = string.Join("\n", TestSnippets());
        Assert.True(snippets.Length > 10_000, "The snippets of the rule tests were not found.");
        foreach (string source in new[] { snippets, Corpus() })
        {
            (_, _, List<Exception> failures) = await AnalyzeAsync(Garble(source, random));
            Assert.Empty(failures.Select(failure => failure.ToString()));
        }
    }

    /// <summary>Deletes about one token in forty.</summary>
    private static string Garble(string source, Random random)
    {
        var text = new StringBuilder();
        foreach (SyntaxToken token in CSharpSyntaxTree.ParseText(Snippets.Complete(source)).GetRoot().DescendantTokens())
        {
            text.Append(random.Next(40) == 0 ? " " : token.ToFullString());
        }

        return text.ToString();
    }

    private static async Task<(ImmutableArray<Diagnostic> Reports, CSharpCompilation Compilation, List<Exception> Failures)> AnalyzeAsync(
        string source, OutputKind output = OutputKind.DynamicallyLinkedLibrary)
    {
        CSharpCompilation compilation = Compile(source, References.All, output);
        var failures = new List<Exception>();
        var options = new CompilationWithAnalyzersOptions(
            new AnalyzerOptions([]),
            (exception, _, _) =>
            {
                lock (failures)
                {
                    failures.Add(exception);
                }
            },
            concurrentAnalysis: true,
            logAnalyzerExecutionTime: false);
        ImmutableArray<Diagnostic> reports = await compilation.WithAnalyzers([.. Catalogue.Analyzers], options).GetAnalyzerDiagnosticsAsync();
        return (reports, compilation, failures);
    }

    private static CSharpCompilation Compile(string source, IEnumerable<MetadataReference> references, OutputKind output = OutputKind.DynamicallyLinkedLibrary) => CSharpCompilation.Create(
        "Corpus",
        [CSharpSyntaxTree.ParseText(source)],
        references,
        new CSharpCompilationOptions(output, nullableContextOptions: NullableContextOptions.Enable));

    /// <summary>The sources in the rules' own tests: every mistake the rules know, and much that resembles one.</summary>
    private static IEnumerable<string> TestSnippets() =>
        Directory.GetFiles(Path.Combine(Folder(), "..", "Rules"), "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .SelectMany(file => RawString().Matches(File.ReadAllText(file)))
            .Select(match => match.Groups[1].Value.Replace("[|", "", StringComparison.Ordinal).Replace("|]", "", StringComparison.Ordinal));

    [GeneratedRegex("\"\"\"\n(.*?)\n\\s*\"\"\"", RegexOptions.Singleline)]
    private static partial Regex RawString();

    /// <summary>The corpus, with the usings that this project has implicitly.</summary>
    private static string Corpus() =>
        "using System; using System.Collections.Generic; using System.Linq;\n" + File.ReadAllText(Path.Combine(Folder(), "OrdinaryTraining.cs"));

    private static string Folder([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;
}
