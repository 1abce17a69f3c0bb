using System.Runtime.CompilerServices;

namespace ModelGen.Analyzers.Tests.Corpus;

/// <summary>No rule and no fix throws, whatever the source looks like. The long form is a command: <c>dotnet run -c Release --project tests/ModelGen.Fuzz -- rules</c>.</summary>
public sealed class RuleFuzzTests
{
    /// <summary>As many damaged sources as take a few seconds.</summary>
    private const int Trials = 80;

    [Fact]
    public async Task DamagedSources_MakeNoRuleAndNoFixThrow()
    {
        var fuzz = new RuleFuzz(RuleFuzz.Sources(Path.Combine(Folder(), "..", "Rules")), [.. Catalogue.Analyzers], Catalogue.Fix, References.All);
        int reports = 0, fixes = 0;
        for (int number = 0; number < Trials; number++)
        {
            RuleTrial trial = await fuzz.RunAsync(number);
            Assert.True(trial.Failure is null, $"source {number}: {trial.Failure}\n{fuzz.Source(number)}");
            reports += trial.Reports;
            fixes += trial.Fixes;
        }

        // The damage leaves enough for the rules to find and the fixes to mend.
        Assert.True(reports >= Trials / 4, $"{reports} reports");
        Assert.True(fixes >= Trials / 16, $"{fixes} fixes");
    }

    private static string Folder([CallerFilePath] string here = "") => Path.GetDirectoryName(here)!;
}
