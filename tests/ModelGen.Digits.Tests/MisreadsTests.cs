using Digits;
using Digits.Drawing;
using SkiaSharp;

namespace ModelGen.Digits.Tests;

public sealed class MisreadsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Find_GivesTheMostConfidentErrorFirst()
    {
        float[] scores = [0, 1, 0, /* right */ 5, 0, 0, /* sure and wrong */ 9, 0, 0];
        IReadOnlyList<Misread> misreads = Misreads.Find(scores, [2, 0, 1]);

        Assert.Equal([2, 0], misreads.Select(static misread => misread.Index));
        Assert.Equal((1, 0), (misreads[0].Label, misreads[0].Predicted));
        Assert.Equal(1 / (1 + (2 * Math.Exp(-9))), misreads[0].Confidence, 9);
        Assert.Equal(Math.E / (Math.E + 2), misreads[1].Confidence, 9);
    }

    [Fact]
    public void Find_SurvivesHugeScores()
    {
        Assert.Equal(1, Misreads.Find([1e30f, -1e30f], [1])[0].Confidence);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(10, 1)]
    [InlineData(11, 2)]
    [InlineData(100, 10)]
    [InlineData(170, 10)]
    public void Sheet_HasRowsForAtMostAHundred(int count, int rows)
    {
        using SKBitmap sheet = Sheet(count);
        Assert.Equal((2 * 20) + 52 + (rows * 122), sheet.Height);
    }

    [Fact]
    public void Sheet_OfNoMisread_SaysSo()
    {
        using SKBitmap sheet = Sheet(0);
        // Text below the title line is the only thing that can darken this area.
        Assert.True(DarkPixels(sheet, SKRectI.Create(0, 72, sheet.Width, sheet.Height - 72)) > 100);
    }

    [Fact]
    public void Sheet_ShowsPictureAndCaptionOfEachMisread()
    {
        using SKBitmap sheet = Sheet(11);
        int lastX = 20 + 10;
        int lastY = 20 + 52 + 122;
        Assert.True(DarkPixels(sheet, SKRectI.Create(lastX, lastY, 84, 84)) > 200);
        Assert.True(DarkPixels(sheet, SKRectI.Create(lastX - 10, lastY + 88, 104, 20)) > 20);
        Assert.Equal(0, DarkPixels(sheet, SKRectI.Create(lastX + 104, lastY, 84, 110)));
    }

    private static int DarkPixels(SKBitmap bitmap, SKRectI area)
    {
        int dark = 0;
        for (int y = area.Top; y < area.Bottom; y++)
        {
            for (int x = area.Left; x < area.Right; x++)
            {
                dark += bitmap.GetPixel(x, y).Red < 160 ? 1 : 0;
            }
        }

        return dark;
    }

    private SKBitmap Sheet(int count)
    {
        const int PixelCount = DigitArtist.Size * DigitArtist.Size;
        DigitSet digits = new DigitArtist(1).DrawSet(Math.Max(count, 1), stream: 0);
        Misread[] misreads = [.. Enumerable.Range(0, count).Select(i => new Misread(i, digits.Labels[i], (digits.Labels[i] + 1) % 10, 1 - (i * 0.005)))];
        string path = folder.File("sheet.png");
        Misreads.SaveSheet(path, misreads, 2_000, i => digits.Pixels[(i * PixelCount)..((i + 1) * PixelCount)], DigitArtist.Size);
        return SKBitmap.Decode(path);
    }
}
