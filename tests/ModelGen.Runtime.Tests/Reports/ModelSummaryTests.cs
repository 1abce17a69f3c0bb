using System.Globalization;

namespace ModelGen.Runtime.Tests.Reports;

public sealed class ModelSummaryTests
{
    private static readonly ModelSummary Summary = new(
        "DigitNet",
        [
            new("conv1", "Conv2d", "[N, 1, 28, 28]", "[N, 32, 26, 26]", 320, 389_376),
            new("drop", "Dropout", "[N, 32, 26, 26]", "[N, 32, 26, 26]", 0, 0),
            new("classify", "Linear", "[N, 128]", "[N, 10]", 1_290, 2_560),
        ],
        [new(1, 0, 900), new(64, 12 * 1024 * 1024, 1536)]);

    [Fact]
    public void Totals_AreSumsOverLayers()
    {
        Assert.Equal(1_610, Summary.Parameters);
        Assert.Equal(6_440, Summary.ParameterBytes);
        Assert.Equal(391_936, Summary.FlopsPerSample);
    }

    [Fact]
    public void Table_IsAligned()
    {
        const string Expected = """
            DigitNet
            layer     type     input            output           parameters  FLOPs/sample
            -----------------------------------------------------------------------------
            conv1     Conv2d   [N, 1, 28, 28]   [N, 32, 26, 26]         320       389,376
            drop      Dropout  [N, 32, 26, 26]  [N, 32, 26, 26]           -             -
            classify  Linear   [N, 128]         [N, 10]               1,290         2,560
            -----------------------------------------------------------------------------
            total                                                     1,610       391,936
            Parameters take 6.3 KiB (float32).

            planned peak memory  training step  inference
            ---------------------------------------------
            batch 1                          -      900 B
            batch 64                  12.0 MiB    1.5 KiB

            """;
        Assert.Equal(Expected, Summary.ToString(), ignoreLineEndingDifferences: true);
    }

    [Fact]
    public void Table_DoesNotDependOnTheCulture()
    {
        string expected = Summary.ToString();
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = new CultureInfo("de-DE");
            Assert.Equal(expected, Summary.ToString());
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void WithoutMemoryPlans_TheTableEndsAfterTheParameters()
    {
        var summary = new ModelSummary("Empty", [], []);
        Assert.EndsWith("Parameters take 0 B (float32).\n", summary.ToString());
    }
}
