using System.Collections.Immutable;
using Microsoft.CodeAnalysis;

namespace ModelGen.Generator.Tests;

/// <summary>Ordinary TorchSharp modules in flux: the generator neither throws nor stalls, and the generated members stay. <c>tests/ModelGen.Mutation</c> runs many more variants.</summary>
public sealed class MutationTests
{
    private const int Variants = 50;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    public static TheoryData<string> Names => [.. ModuleSources.All.Select(static pair => pair.Key)];

    [Theory]
    [MemberData(nameof(Names))]
    public void UnchangedSource_CompilesWithoutWarnings(string name)
    {
        GeneratorDriver driver = GeneratorRun.Driver().RunGeneratorsAndUpdateCompilation(Trial.Compile(ModuleSources.Get(name)), out Compilation output, out ImmutableArray<Diagnostic> diagnostics);
        Assert.DoesNotContain(diagnostics, static found => found.Severity >= DiagnosticSeverity.Warning);
        Assert.Empty(output.GetDiagnostics().Where(static diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
        Assert.DoesNotContain(driver.GetRunResult().GeneratedTrees, static tree => tree.FilePath.Contains("Refused", StringComparison.Ordinal));
        Assert.Contains(driver.GetRunResult().GeneratedTrees, static tree => tree.FilePath.Contains("Inference", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ChangedTokens_NeverBreakTheGenerator(string name)
    {
        var mutator = new Mutator(ModuleSources.Get(name));
        for (int seed = 0; seed < Variants; seed++)
        {
            string text = mutator.Variant(seed);
            Trial trial = Trial.Fair(text, Limit);
            Assert.True(trial.Problem is null, $"seed {seed}: {trial.Problem}\n{text}");
        }
    }
}
