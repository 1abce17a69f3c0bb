using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Testing;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Testing;

namespace ModelGen.Analyzers.Tests;

/// <summary>
/// Runs one rule, with its fix, on a source text. Naming convention of the tests, which <c>RuleCatalogueTests</c> relies on:
/// <c>Reports_...</c>, <c>Ignores_...</c>, <c>Fixes_...</c>, <c>FixesAll_...</c>, <c>OffersNoFix_...</c>.
/// </summary>
internal static class RuleVerifier<TAnalyzer, TFix>
    where TAnalyzer : DiagnosticAnalyzer, new()
    where TFix : CodeFixProvider, new()
{
    /// <summary>Checks that the rule reports exactly the places marked <c>[|...|]</c> (none marked: nothing at all).</summary>
    public static Task Verify(string source) => Run(new CSharpAnalyzerTest<TAnalyzer, DefaultVerifier> { TestCode = Snippets.Complete(source) });

    /// <summary>Checks the fix of each marked place, one at a time and by Fix-All in document, project and solution.</summary>
    public static Task VerifyFix(string source, string @fixed) => Run(new CSharpCodeFixTest<TAnalyzer, TFix, DefaultVerifier>
    {
        TestCode = Snippets.Complete(source),
        FixedCode = Snippets.Complete(@fixed),
    });

    /// <summary>Checks that the marked place is reported but that no fix is offered.</summary>
    public static Task VerifyNoFix(string source) => VerifyFix(source, source);

    private static Task Run(AnalyzerTest<DefaultVerifier> test)
    {
        test.ReferenceAssemblies = References.None;
        test.TestState.AdditionalReferences.AddRange(References.All);
        return test.RunAsync();
    }
}

/// <summary>What the test sources compile against: this process's own framework, and TorchSharp's managed library.</summary>
internal static class References
{
    public static readonly ReferenceAssemblies None = new("net10.0");

    public static readonly IReadOnlyList<MetadataReference> All = [.. Framework(), MetadataReference.CreateFromFile(typeof(TorchSharp.torch).Assembly.Location)];

    private static IEnumerable<MetadataReference> Framework() =>
        ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
        .Split(Path.PathSeparator)
        .Where(path => Path.GetFileName(path) is "mscorlib.dll" or "netstandard.dll" || IsFrameworkPart(path))
        .Select(path => MetadataReference.CreateFromFile(path));

    private static bool IsFrameworkPart(string path) =>
        Path.GetDirectoryName(path) == Path.GetDirectoryName(typeof(object).Assembly.Location)
        && Path.GetFileName(path).StartsWith("System.", StringComparison.Ordinal);
}
