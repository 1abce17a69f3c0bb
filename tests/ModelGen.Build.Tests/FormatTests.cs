namespace ModelGen.Build.Tests;

/// <summary>Mends a deliberately bad training program from the command line, as a user of the package does.</summary>
public sealed class FormatTests : IDisposable
{
    private const string MendedBy = "// Mended by: ";

    private readonly ConsumerProject _project = new();

    [Fact]
    public void DotnetFormatAnalyzers_MendsABadTrainingProgram()
    {
        string[] bad = File.ReadAllLines(Path.Combine(ConsumerProject.Repository, "tests", "ModelGen.Analyzers.Tests", "Corpus", "Faults", "Training.cs"));
        string[] rules = bad.Single(line => line.StartsWith(MendedBy, StringComparison.Ordinal))[MendedBy.Length..].Split(' ');
        _project.Pack();
        _project.Add("Bad", "Library", $"""<PackageReference Include="ModelGen" Version="{_project.Version}" />""", string.Join('\n', bad) + '\n');
        _project.Dotnet("restore", "Bad", "--nologo");

        // One pass takes the rules one after the other; MG4002 sees the parameter only where MG4004 has made it one.
        for (int pass = 0; pass < 2; pass++)
        {
            _project.Dotnet(["format", "analyzers", "Bad/Bad.csproj", "--no-restore", "--severity", "info", "--diagnostics", .. rules]);
        }

        string mended = File.ReadAllText(Path.Combine(_project.Root, "Bad", "Program.cs"));
        Assert.Contains("ModuleList<Linear> _blocks", mended, StringComparison.Ordinal);
        Assert.Contains("optimizer.zero_grad();", mended, StringComparison.Ordinal);
        Assert.Contains("using var scope = torch.NewDisposeScope();", mended, StringComparison.Ordinal);
        Assert.Contains("using var noGrad = torch.no_grad();", mended, StringComparison.Ordinal);
        Assert.True(mended.IndexOf("model.to(device)", StringComparison.Ordinal) < mended.IndexOf("AdamW(", StringComparison.Ordinal), mended);
        Assert.True(mended.IndexOf("RegisterComponents();", StringComparison.Ordinal) > mended.IndexOf("_scale =", StringComparison.Ordinal), mended);
        string built = _project.Dotnet("build", "Bad", "--nologo", "--no-restore");
        Assert.All(rules, rule => Assert.DoesNotContain(rule, built, StringComparison.Ordinal));
    }

    public void Dispose() => _project.Dispose();
}
