using System.Globalization;

namespace ModelGen.Generator.Tests;

public sealed class DeterminismTests
{
    [Fact]
    public void TwoRuns_ShuffledFiles_AndOtherCultures_GiveTheSameBytes()
    {
        string[] sources = [Sources.DigitNet, Sources.ResidualNet, Sources.TextNet];
        string expected = Output(sources);
        Assert.Equal(expected, Output(sources));
        Assert.Equal(expected, Output([sources[2], sources[0], sources[1]]));
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            foreach (string culture in new[] { "tr-TR", "de-DE", "ar-SA" })
            {
                CultureInfo.CurrentCulture = new CultureInfo(culture);
                Assert.Equal(expected, Output(sources));
            }
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void GeneratedText_HasLineFeedsOnly() => Assert.DoesNotContain('\r', Output([Sources.ResidualNet.Replace("\n", "\r\n")]));

    private static string Output(string[] sources)
    {
        var (files, diagnostics, _) = GeneratorRun.Run(sources);
        Assert.Empty(diagnostics);
        return string.Join("\n", files.OrderBy(static file => file.Key, StringComparer.Ordinal).Select(static file => file.Key + "\n" + file.Value));
    }
}
