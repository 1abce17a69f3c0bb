using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace ModelGen.Analyzers.Tests;

/// <summary>A program as the fixes leave it.</summary>
/// <param name="Text">The source.</param>
/// <param name="Applied">The rules whose fixes were applied, in order, once for each fix.</param>
/// <param name="Errors">What the compiler rejects in the source; empty unless a fix is wrong.</param>
internal sealed record MendedProgram(string Text, IReadOnlyList<string> Applied, ImmutableArray<Diagnostic> Errors);

/// <summary>Does what <c>dotnet format analyzers</c> does: applies the fixes of all rules that are on by default, one after the other, until nothing is left to fix.</summary>
internal static class ProgramMender
{
    private const int MostFixes = 60;

    /// <exception cref="InvalidOperationException">The program does not compile, or the fixes do not come to an end.</exception>
    public static async Task<MendedProgram> MendAsync(string source, IEnumerable<MetadataReference> references)
    {
        using var workspace = new AdhocWorkspace();
        Project project = workspace.AddProject(ProjectInfo.Create(
            ProjectId.CreateNewId(),
            VersionStamp.Default,
            "Program",
            "Program",
            LanguageNames.CSharp,
            compilationOptions: new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary),
            metadataReferences: references));
        Document document = project.AddDocument("Program.cs", source);
        if (await ErrorsAsync(document) is [{ } error, ..])
        {
            throw new InvalidOperationException($"The program does not compile: {error}");
        }

        var applied = new List<string>();
        while (await FixOneAsync(document) is var (changed, id))
        {
            document = changed;
            applied.Add(id);
            if (applied.Count > MostFixes)
            {
                throw new InvalidOperationException($"The fixes do not come to an end: {string.Join(' ', applied)}");
            }
        }

        return new MendedProgram((await document.GetTextAsync()).ToString(), applied, await ErrorsAsync(document));
    }

    /// <summary>Applies the first fix that is offered for the first fixable report; null when there is none.</summary>
    private static async Task<(Document Document, string Id)?> FixOneAsync(Document document)
    {
        Compilation compilation = (await document.Project.GetCompilationAsync())!;
        ImmutableArray<Diagnostic> reports = await compilation.WithAnalyzers([.. Catalogue.Analyzers]).GetAnalyzerDiagnosticsAsync();
        foreach (Diagnostic report in reports.OrderBy(report => report.Id, StringComparer.Ordinal).ThenBy(report => report.Location.SourceSpan.Start))
        {
            CodeAction? action = null;
            if (Catalogue.Fix(report.Id) is { } provider)
            {
                await provider.RegisterCodeFixesAsync(new CodeFixContext(document, report, (offered, _) => action ??= offered, CancellationToken.None));
            }

            if (action is not null)
            {
                ApplyChangesOperation operation = (await action.GetOperationsAsync(CancellationToken.None)).OfType<ApplyChangesOperation>().Single();
                return (operation.ChangedSolution.GetDocument(document.Id)!, report.Id);
            }
        }

        return null;
    }

    private static async Task<ImmutableArray<Diagnostic>> ErrorsAsync(Document document) =>
        [.. (await document.Project.GetCompilationAsync())!.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)];
}
