using Digits.Drawing;

namespace ModelGen.Digits.Tests;

public sealed class DigitArtistTests
{
    private const int PixelCount = DigitArtist.Size * DigitArtist.Size;

    [Fact]
    public void SameSeed_DrawsTheSameBytes()
    {
        DigitSet first = new DigitArtist(7).DrawSet(200, stream: 0);
        DigitSet second = new DigitArtist(7).DrawSet(200, stream: 0);
        Assert.Equal(first.Pixels, second.Pixels);
        Assert.Equal(first.Labels, second.Labels);
    }

    [Fact]
    public void Images_DependNeitherOnTheCountNorOnTheThread()
    {
        DigitSet many = new DigitArtist(7).DrawSet(200, stream: 0);
        DigitSet? few = null;
        var thread = new Thread(() => few = new DigitArtist(7).DrawSet(3, stream: 0));
        thread.Start();
        thread.Join();
        Assert.Equal(many.Pixels[..(3 * PixelCount)], few!.Pixels);
    }

    [Theory]
    [InlineData(8UL, 0UL)]
    [InlineData(7UL, 1UL)]
    public void AnotherSeedOrStream_DrawsOtherImages(ulong seed, ulong stream)
    {
        DigitSet reference = new DigitArtist(7).DrawSet(50, stream: 0);
        DigitSet other = new DigitArtist(seed).DrawSet(50, stream);
        Assert.NotEqual(reference.Pixels, other.Pixels);
        Assert.NotEqual(reference.Labels, other.Labels);
    }

    [Fact]
    public void NoTwoImages_AreEqual()
    {
        DigitSet set = new DigitArtist(1).DrawSet(2_000, stream: 0);
        var seen = new HashSet<string>();
        Assert.All(Enumerable.Range(0, 2_000), i => Assert.True(seen.Add(Convert.ToHexString(Image(set, i)))));
    }

    [Fact]
    public void EveryDigit_IsDrawnAboutAsOften()
    {
        DigitSet set = new DigitArtist(1).DrawSet(5_000, stream: 0);
        int[] counts = [.. Enumerable.Range(0, 10).Select(digit => set.Labels.Count(label => label == digit))];
        Assert.All(counts, count => Assert.InRange(count, 400, 600));
    }

    [Fact]
    public void Ink_IsCentredAndLeavesTheEdgeFree()
    {
        DigitSet set = new DigitArtist(1).DrawSet(500, stream: 0);
        for (int i = 0; i < 500; i++)
        {
            (double x, double y, double ink) = Centre(Image(set, i));
            Assert.InRange(x, 9, 19);
            Assert.InRange(y, 9, 19);
            // From a thin 1 to a heavy 8: MNIST has 2.5 % to 40 %.
            Assert.InRange(ink / (255.0 * PixelCount), 0.015, 0.45);
        }
    }

    [Fact]
    public void NearestMean_ReadsMostDigitsButFarFromAll()
    {
        // Guards both ends: shapes must be the digits they claim to be, and telling them apart must need more than a template.
        DigitSet train = new DigitArtist(1).DrawSet(2_000, stream: 0);
        DigitSet test = new DigitArtist(1).DrawSet(1_000, stream: 1);
        var means = new double[10, PixelCount];
        for (int i = 0; i < 2_000; i++)
        {
            double share = 1.0 / train.Labels.Count(label => label == train.Labels[i]);
            ReadOnlySpan<byte> image = Image(train, i);
            for (int p = 0; p < PixelCount; p++)
            {
                means[train.Labels[i], p] += share * image[p];
            }
        }

        int correct = Enumerable.Range(0, 1_000).Count(i => test.Labels[i] == Nearest(means, Image(test, i)));
        Assert.InRange(correct, 600, 930);
    }

    private static int Nearest(double[,] means, byte[] image) => Enumerable.Range(0, 10).MinBy(digit =>
    {
        double distance = 0;
        for (int p = 0; p < PixelCount; p++)
        {
            distance += Math.Pow(means[digit, p] - image[p], 2);
        }

        return distance;
    });

    private static byte[] Image(DigitSet set, int index) => set.Pixels[(index * PixelCount)..((index + 1) * PixelCount)];

    private static (double X, double Y, double Ink) Centre(byte[] image)
    {
        double x = 0;
        double y = 0;
        double ink = 0;
        for (int p = 0; p < image.Length; p++)
        {
            x += image[p] * (p % DigitArtist.Size);
            y += image[p] * (p / DigitArtist.Size);
            ink += image[p];
        }

        return (x / ink, y / ink, ink);
    }
}
