using ModelGen.Data;

namespace ModelGen.Runtime.Tests.Data;

public sealed class SamplerTests
{
    [Fact]
    public void RandomSampler_IsAPermutation_OrDrawsWithReplacement()
    {
        var sampler = new RandomSampler(50, seed: 2);
        Assert.Equal(Enumerable.Range(0, 50), sampler.Order(3).Order());
        Assert.Equal(sampler.Order(3), new RandomSampler(50, seed: 2).Order(3));
        Assert.NotEqual(sampler.Order(3), sampler.Order(4));
        Assert.Equal(sampler.Order(3)[..20], new RandomSampler(50, seed: 2, samples: 20).Order(3));

        // Each of 10 samples is drawn 10,000 +- 5 standard deviations (95) times.
        int[] drawn = new RandomSampler(10, seed: 2, samples: 100_000, replacement: true).Order(0);
        Assert.All(drawn.CountBy(static index => index), static pair => Assert.InRange(pair.Value, 9_525, 10_475));
        Assert.Throws<ArgumentOutOfRangeException>(() => new RandomSampler(10, seed: 0, samples: 11));
    }

    [Fact]
    public void WeightedSampler_DrawsInProportion_AndNeverWeightZero()
    {
        int[] drawn = new WeightedSampler([1, 0, 3, 6], 100_000, seed: 5).Order(1);
        Dictionary<int, int> counts = drawn.CountBy(static index => index).ToDictionary();
        Assert.False(counts.ContainsKey(1));
        Assert.InRange(counts[0], 9_525, 10_475);
        Assert.InRange(counts[2], 29_275, 30_725);
        Assert.InRange(counts[3], 59_225, 60_775);
        Assert.Throws<ArgumentException>(() => new WeightedSampler([1, -1], 2, seed: 0));
        Assert.Throws<ArgumentException>(() => new WeightedSampler([0, 0], 2, seed: 0));
    }

    [Fact]
    public void WeightedSampler_WithoutReplacement_ChoosesAsBySuccessiveDrawing()
    {
        // The first of weights 1, 2, 5 is drawn with 1/8, 2/8, 5/8; the second after the third with 1/3, 2/3.
        int[][] orders = [.. Enumerable.Range(0, 20_000).Select(static epoch => new WeightedSampler([1, 2, 5, 0], 3, seed: 1, replacement: false).Order(epoch))];
        Assert.All(orders, static order => Assert.Equal([0, 1, 2], order.Order()));
        Assert.InRange(orders.Count(static order => order[0] == 2) / 20_000.0, 0.608, 0.642);
        int[][] afterThird = [.. orders.Where(static order => order[0] == 2)];
        Assert.InRange(afterThird.Count(static order => order[1] == 1) / (double)afterThird.Length, 0.645, 0.689);
        Assert.Throws<ArgumentOutOfRangeException>(() => new WeightedSampler([1, 0], 2, seed: 0, replacement: false));
    }

    [Fact]
    public void BalancedWeights_MakeClassesEquallyFrequent() => Assert.Equal([1, 0.5, 0.5], WeightedSampler.Balanced([4, 9, 9]));

    [Theory]
    [InlineData(false, "0,3,6,9|1,4,7,0|2,5,8,1")]
    [InlineData(true, "0,3,6|1,4,7|2,5,8")]
    public void DistributedSampler_SharesEqually_AsPyTorch(bool dropLast, string expected) =>
        Assert.Equal(expected, string.Join("|", Enumerable.Range(0, 3).Select(rank => string.Join(",", new DistributedSampler(new SequentialSampler(10), rank, 3, dropLast).Order(0)))));

    [Fact]
    public void Ranks_ShareTheSamplesOfALoader()
    {
        long[] seen = [.. Enumerable.Range(0, 3).SelectMany(static rank =>
        {
            using var loader = new DataLoader(new CountingDataset(12), new DataLoaderOptions { BatchSize = 3, Shuffle = true, Rank = rank, World = 3 });
            return loader.Batches(7).SelectMany(static batch => batch.Target.data<long>().ToArray()).ToArray();
        })];
        Assert.Equal(Enumerable.Range(0, 12).Select(static index => (long)index), seen.Order());
    }

    [Fact]
    public void BucketBatchSampler_PutsSimilarLengthsTogether_AndKeepsEverySample()
    {
        int[] lengths = [.. Enumerable.Range(0, 1000).Select(static index => 1 + (index * 7919 % 100))];
        var sampler = new BucketBatchSampler(new RandomSampler(1000, seed: 1), index => lengths[index], batchSize: 8, seed: 1, batchesPerPool: 25);
        IReadOnlyList<ArraySegment<int>> batches = sampler.Batches(0);
        Assert.Equal(125, sampler.Count);
        Assert.Equal(Enumerable.Range(0, 1000), batches.SelectMany(static batch => batch).Order());
        int padding = batches.Sum(batch => batch.Sum(index => batch.Max(other => lengths[other]) - lengths[index]));
        int random = new FixedBatchSampler(new RandomSampler(1000, seed: 1), 8).Batches(0).Sum(batch => batch.Sum(index => batch.Max(other => lengths[other]) - lengths[index]));
        Assert.True(padding < random / 10, $"{padding} positions of padding, {random} without buckets");
        Assert.Equal(batches, sampler.Batches(0));
        Assert.NotEqual(batches.SelectMany(static batch => batch), sampler.Batches(1).SelectMany(static batch => batch));

        using var loader = new DataLoader(new SequenceDataset(lengths), new DataLoaderOptions { BatchSampler = sampler });
        Assert.Equal(batches.Select(batch => (long)batch.Max(index => lengths[index])), loader.Batches().Select(static batch => batch.Target.shape[1]));
    }

    [Fact]
    public void RandomStream_HasTheMomentsOfItsDistributions()
    {
        var random = RandomStream.At(1, 2, 3);
        double[] normal = [.. Enumerable.Range(0, 100_000).Select(_ => random.Normal())];
        Assert.InRange(normal.Average(), -0.016, 0.016);
        Assert.InRange(normal.Average(static value => value * value), 0.978, 1.022);

        // Beta(a, a) has mean 1/2 and variance 1 / (4 (2a + 1)).
        foreach (double alpha in new[] { 0.2, 1.0, 4.0 })
        {
            double[] beta = [.. Enumerable.Range(0, 100_000).Select(_ => random.Beta(alpha))];
            double variance = 1 / (4 * ((2 * alpha) + 1));
            Assert.InRange(beta.Average(), 0.5 - (5 * Math.Sqrt(variance / 1e5)), 0.5 + (5 * Math.Sqrt(variance / 1e5)));
            Assert.InRange(beta.Average(static value => (value - 0.5) * (value - 0.5)), variance * 0.97, variance * 1.03);
        }

        Assert.Equal(RandomStream.At(1, 2, 3).NextBits(), RandomStream.At(1, 2, 3).NextBits());
        Assert.NotEqual(RandomStream.At(1, 2, 3).NextBits(), RandomStream.At(1, 3, 2).NextBits());
    }
}
