namespace ModelGen.Kernels.Tests;

/// <summary>The table of measured costs that decides between minimal filtering and direct sums.</summary>
public sealed class FilteringCostsTests
{
    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void TheChoice_IsThatOfTheTableForTheWidth(int bits) => Widths.Run(bits, new Body());

    [Fact]
    public void Pays_ComparesWhatPixelsSaveWithWhatWeightsCost()
    {
        // 64 to 32 channels: a pixel saves 0.05 - 0.64 / 64 - 0.64 / 32 = 0.02 next to floats and 0.01 next to pairs.
        var costs = new FilteringCosts(Saved: 0.05, SavedOverPairs: 0.04, Transforms: 0.64, Weights: 10, TransformedWeights: 4, Product: 0.01, SmallTransforms: 0.64, SmallWeights: 4);
        Assert.Equal([false, true], new[] { 499, 501 }.Select(pixels => costs.Pays(64, 32, pixels, overPairs: false, transformed: false)));
        Assert.Equal([false, true], new[] { 199, 201 }.Select(pixels => costs.Pays(64, 32, pixels, overPairs: false, transformed: true)));
        Assert.Equal([false, true], new[] { 999, 1001 }.Select(pixels => costs.Pays(64, 32, pixels, overPairs: true, transformed: false)));
        Assert.False(costs.Pays(8, 8, 1_000_000, overPairs: false, transformed: true));

        // A tile of four pixels saves 0.36 - 0.16 - 0.03 = 0.17; tiles that stick out save less.
        Assert.Equal([false, true], new[] { 23, 24 }.Select(tiles => costs.SmallTilesPay(64, 32, 4 * tiles, tiles)));
        Assert.False(costs.SmallTilesPay(64, 32, 3 * 24, 24));
    }

    private sealed class Body : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var costs = FilteringCosts.For(32 * V.Count);
            int paying = 0;
            int all = 0;
            foreach (int size in (int[])[4, 8, 16, 64, 128])
            {
                foreach (int channels in (int[])[2, 16, 64, 512])
                {
                    var shape = new ConvolutionShape(1, size, size, channels, channels, 3, 3) { PadTop = 1, PadBottom = 1, PadLeft = 1, PadRight = 1 };
                    Assert.Equal(costs.Pays(channels, channels, size * size, overPairs: false, transformed: false), Winograd<V>.Pays(shape));
                    Assert.Equal(costs.Pays(channels, channels, size * size, overPairs: false, transformed: true), Winograd<V>.Pays(shape, transformed: true));
                    Assert.Equal(costs.Pays(channels, channels, size * size, overPairs: true, transformed: false), Winograd<V>.PaysOverPairs(shape));
                    Assert.Equal(costs.SmallTilesPay(channels, channels, size * size, size * size / 4), Winograd<V>.SmallTilesPay(shape));
                    paying += Winograd<V>.Pays(shape) ? 1 : 0;
                    all++;
                }
            }

            Assert.InRange(paying, 1, all - 1);
            Assert.False(Winograd<V>.Pays(new ConvolutionShape(1, 128, 128, 512, 512, 3, 3) { StrideX = 2 }));
        }
    }
}
