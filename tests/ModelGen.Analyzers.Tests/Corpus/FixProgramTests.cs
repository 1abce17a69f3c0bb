using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace ModelGen.Analyzers.Tests.Corpus;

/// <summary>Applies every fix to bad training programs, until nothing is left to fix. The benchmark 'fixes' runs the same programs, and measures what the fixes gain.</summary>
public sealed partial class FixProgramTests
{
    public static TheoryData<string> Programs => [.. Directory.GetFiles(Folder(), "*.cs").Select(Path.GetFileNameWithoutExtension).OfType<string>().Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Programs))]
    public async Task ABadTrainingProgram_IsMendedByItsFixes(string program)
    {
        string bad = await File.ReadAllTextAsync(Path.Combine(Folder(), program + ".cs"));
        string[] expected = ExpectedRules().Match(bad).Groups["rules"].Value.Split(' ');

        MendedProgram mended = await ProgramMender.MendAsync(bad, References.All);

        Assert.True(mended.Errors.IsEmpty, mended.Text);
        Assert.Equal(expected, mended.Applied.Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task TheProgramWithManyFaults_IsMendedWhereTheyAre()
    {
        string mended = (await ProgramMender.MendAsync(await File.ReadAllTextAsync(Path.Combine(Folder(), "Training.cs")), References.All)).Text;

        Assert.Contains("ModuleList<Linear> _blocks", mended, StringComparison.Ordinal);
        Assert.Contains("optimizer.zero_grad();", mended, StringComparison.Ordinal);
        Assert.Contains("using var scope = torch.NewDisposeScope();", mended, StringComparison.Ordinal);
        Assert.True(mended.IndexOf("model.to(device)", StringComparison.Ordinal) < mended.IndexOf("AdamW(", StringComparison.Ordinal), mended);
        Assert.True(mended.IndexOf("RegisterComponents();", StringComparison.Ordinal) > mended.IndexOf("_scale =", StringComparison.Ordinal), mended);
    }

    [GeneratedRegex("^// Mended by: (?<rules>MG[0-9 MG]+)$", RegexOptions.Multiline)]
    private static partial Regex ExpectedRules();

    private static string Folder([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "Faults");
}
