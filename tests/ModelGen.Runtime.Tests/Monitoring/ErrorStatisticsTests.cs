using ModelGen.Monitoring;
using SkiaSharp;

namespace ModelGen.Runtime.Tests.Monitoring;

/// <summary>Statistics of errors against values computed by hand, and the contact sheet.</summary>
public sealed class ErrorStatisticsTests
{
    [Fact]
    public void ConfusionMatrix_GivesPrecisionRecallAndF1()
    {
        var matrix = new ConfusionMatrix(["cat", "dog", "cow"]);
        (int Actual, int Predicted)[] decisions = [(0, 0), (0, 0), (0, 1), (1, 1), (1, 1), (1, 0), (1, 1)];
        foreach ((int actual, int predicted) in decisions)
        {
            matrix.Add(actual, predicted);
        }

        Assert.Equal(5.0 / 7, matrix.Accuracy, 12);
        IReadOnlyList<ClassQuality> quality = matrix.PerClass();
        Assert.Equal(new ClassQuality("cat", 2.0 / 3, 2.0 / 3, 2.0 / 3, 3), quality[0]);
        Assert.Equal(new ClassQuality("dog", 0.75, 0.75, 0.75, 4), quality[1]);
        Assert.Equal(new ClassQuality("cow", double.NaN, double.NaN, double.NaN, 0), quality[2]);
        Assert.Equal([(0, 1, 1L), (1, 0, 1L)], matrix.MostConfused(5));
        Assert.Equal([(0, 1, 1L)], matrix.MostConfused(1));
        Assert.Equal("true \\ predicted  cat  dog  cow\n-------------------------------\ncat                 2    1    .\ndog                 1    3    .\ncow                 .    .    .\n", matrix.ToString());
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.Add(3, 0));
    }

    [Fact]
    public void Calibration_IsTheWeightedDistanceOfAccuracyAndConfidence()
    {
        // Two bins of ten: [0.5, 0.6] with confidences 0.55, 0.60 and one hit; (0.9, 1] with 0.95, 1.0, 0.92 and two hits.
        var calibration = new CalibrationCurve([0.55, 0.60, 0.95, 1.0, 0.92], [true, false, true, true, false], bins: 10);
        double first = Math.Abs(0.5 - 0.575);
        double second = Math.Abs((2.0 / 3) - ((0.95 + 1.0 + 0.92) / 3));
        Assert.Equal(((2 * first) + (3 * second)) / 5, calibration.ExpectedError, 12);
        Assert.Equal(Math.Max(first, second), calibration.LargestError, 12);
        Assert.Equal([0L, 0, 0, 0, 0, 2, 0, 0, 0, 3], calibration.Bins.Select(static bin => bin.Count));
    }

    [Fact]
    public void Calibration_OfAModelThatIsAsSureAsRight_IsZero() => Assert.Equal(0, new CalibrationCurve([0.5, 0.5], [true, false]).ExpectedError, 12);

    [Fact]
    public void Residuals_AreTheUsualStatistics()
    {
        var residuals = new Residuals([1, 2, 3, 6], [1, 1, 4, 4]);
        Assert.Equal(0.5, residuals.Mean, 12);
        Assert.Equal(1, residuals.MeanAbsolute, 12);
        Assert.Equal(Math.Sqrt(1.5), residuals.RootMeanSquare, 12);
        Assert.Equal(1 - (6 / 9.0), residuals.Determination, 12);
        Assert.Equal((0.5, 0.5), residuals.Quantiles[3]);
        Assert.Equal(-1, residuals.Quantiles[0].Error);
        Assert.Equal(2, residuals.Quantiles[^1].Error);
        Assert.Equal(4, residuals.Histogram.Sum(static bar => bar.Count));
        Assert.Equal([(1.0, 1.0), (1, 2), (4, 3), (4, 6)], residuals.Points);
        Assert.Throws<ArgumentException>(() => new Residuals([], []));
    }

    [Fact]
    public void PageFaults_AreReadBehindAProgramNameWithBlanks()
    {
        (long minor, long major) = PageFaults.Parse("4242 (a b) c) S 1 4242 4242 0 -1 4194560 1201 33 17 2 5 6 0 0 20 0 12 0 100 0 0");
        Assert.Equal((1201, 17), (minor, major));
    }

    [Fact]
    public void ContactSheet_DrawsPicturesInColourAndCaptions()
    {
        string path = Path.GetTempFileName();
        try
        {
            byte[] red = [.. Enumerable.Range(0, 16 * 8).SelectMany(static _ => new byte[] { 200, 10, 10 })];
            ContactSheet.Save(path, "two", [new ContactTile(new SamplePicture(16, 8, 3, red), "cat > dog"), new ContactTile(new SamplePicture(4, 4, 1, new byte[16]), "a very long caption that does not fit")]);
            using SKBitmap sheet = SKBitmap.Decode(path);
            Assert.Equal((2 * 20) + 52 + 122, sheet.Height);
            Assert.Equal(new SKColor(200, 10, 10), sheet.GetPixel(20 + 52, 72 + 42));
            Assert.Equal(new SKColor(0xF7, 0xF7, 0xF5), sheet.GetPixel(20 + 52, 72 + 8));
            Assert.Equal(SKColors.Black, sheet.GetPixel(20 + 104 + 52, 72 + 8));
            Assert.True(Dark(sheet, 20, 72 + 90, 104, 20) > 20);
            Assert.Equal(0, Dark(sheet, 20 + 208 + 4, 72, 100, 110));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Font_DrawsABoxForACharacterItLacks_AndEveryCharacterOfItsOwn()
    {
        foreach (char character in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%>-+/.,:()_€")
        {
            using var bitmap = new SKBitmap(40, 40);
            using var canvas = new SKCanvas(bitmap);
            canvas.Clear(SKColors.White);
            StrokeFont.Draw(canvas, character.ToString(), 8, 8, 20, SKColors.Black);
            canvas.Flush();
            Assert.True(Dark(bitmap, 0, 0, 40, 40) > 0, $"'{character}' draws nothing");
        }
    }

    private static int Dark(SKBitmap bitmap, int left, int top, int width, int height)
    {
        int dark = 0;
        for (int y = top; y < top + height; y++)
        {
            for (int x = left; x < left + width; x++)
            {
                dark += bitmap.GetPixel(x, y).Red < 160 ? 1 : 0;
            }
        }

        return dark;
    }
}
