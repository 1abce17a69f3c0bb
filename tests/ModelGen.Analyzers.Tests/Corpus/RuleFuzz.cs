using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers.Tests.Corpus;

/// <summary>What one trial did.</summary>
/// <param name="Reports">How many places the rules reported.</param>
/// <param name="Fixes">How many fixes were offered and applied.</param>
/// <param name="Failure">What a rule or a fix threw; null when none did.</param>
internal sealed record RuleTrial(int Reports, int Fixes, string? Failure);

/// <summary>Damages sources that are full of what the rules look for, and runs all rules and all their fixes on them. The same number gives the same damage.</summary>
/// <param name="sources">The sources, each a file by itself.</param>
/// <param name="analyzers">The rules.</param>
/// <param name="fixes">The fix of a rule, by its id; null when it has none.</param>
/// <param name="references">What the sources are compiled against.</param>
internal sealed partial class RuleFuzz(IReadOnlyList<string> sources, ImmutableArray<DiagnosticAnalyzer> analyzers, Func<string, CodeFixProvider?> fixes, IEnumerable<MetadataReference> references)
{
    /// <summary>The snippets of the rules' own tests: every mistake that the rules know, and much that resembles one.</summary>
    public static IReadOnlyList<string> Sources(string rules) =>
    [
        .. Directory.GetFiles(rules, "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .SelectMany(file => RawString().Matches(File.ReadAllText(file)))
            .Select(match => match.Groups[1].Value.Replace("[|", "", StringComparison.Ordinal).Replace("|]", "", StringComparison.Ordinal)),
    ];

    /// <summary>The damaged source of a number.</summary>
    public string Source(int number)
    {
        var random = new Random(number);
        string source = sources[random.Next(sources.Count)];
        SyntaxToken[] tokens = [.. CSharpSyntaxTree.ParseText(Snippets.Complete(source)).GetRoot().DescendantTokens()];
        int every = random.Next(3) == 0 ? int.MaxValue : random.Next(15, 120);
        var text = new StringBuilder();
        for (int i = 0; i < tokens.Length; i++)
        {
            text.Append(random.Next(every) != 0 ? tokens[i].ToFullString() : random.Next(4) switch
            {
                0 => " ",
                1 => tokens[i].ToFullString() + tokens[i].ToFullString(),
                2 => tokens[random.Next(tokens.Length)].ToFullString(),
                _ => i + 1 < tokens.Length ? tokens[i + 1].ToFullString() + tokens[i].ToFullString() : "",
            });
        }

        // Now and then the file ends early, as while it is typed.
        return random.Next(4) == 0 ? text.ToString(0, random.Next(text.Length)) : text.ToString();
    }

    /// <summary>Runs the rules on the damaged source of a number, and applies every fix that is offered, each to that source.</summary>
    public async Task<RuleTrial> RunAsync(int number)
    {
        using var workspace = new AdhocWorkspace();
        Project project = workspace.AddProject(ProjectInfo.Create(
            ProjectId.CreateNewId(), VersionStamp.Default, "Fuzz", "Fuzz", LanguageNames.CSharp,
            compilationOptions: new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable), metadataReferences: references));
        Document document = project.AddDocument("Fuzz.cs", Source(number));
        Compilation compilation = (await document.Project.GetCompilationAsync())!.WithOptions(new CSharpCompilationOptions(
            OutputKind.DynamicallyLinkedLibrary,
            specificDiagnosticOptions: analyzers.SelectMany(analyzer => analyzer.SupportedDiagnostics).Select(rule => KeyValuePair.Create(rule.Id, ReportDiagnostic.Warn))));
        var failures = new List<string>();
        var options = new CompilationWithAnalyzersOptions(
            new AnalyzerOptions([]),
            (exception, analyzer, _) =>
            {
                lock (failures)
                {
                    failures.Add($"{analyzer.GetType().Name}: {exception}");
                }
            },
            concurrentAnalysis: true,
            logAnalyzerExecutionTime: false);
        ImmutableArray<Diagnostic> reports = await compilation.WithAnalyzers(analyzers, options).GetAnalyzerDiagnosticsAsync();
        int applied = 0;
        foreach (Diagnostic report in reports)
        {
            if (fixes(report.Id) is { } provider)
            {
                try
                {
                    var offered = new List<CodeAction>();
                    await provider.RegisterCodeFixesAsync(new CodeFixContext(document, report, (action, _) => offered.Add(action), CancellationToken.None));
                    foreach (CodeAction action in offered)
                    {
                        await action.GetOperationsAsync(CancellationToken.None);
                        applied++;
                    }
                }
                catch (Exception exception)
                {
                    failures.Add($"fix of {report.Id}: {exception}");
                }
            }
        }

        return new RuleTrial(reports.Length, applied, failures.FirstOrDefault());
    }

    [GeneratedRegex("\"\"\"\n(.*?)\n\\s*\"\"\"", RegexOptions.Singleline)]
    private static partial Regex RawString();
}
