using ModelGen.Onnx.Quantization;

namespace ModelGen.Onnx.Tests.Quantization;

public sealed class HistogramTests
{
    private static float[] Normal(int count, int seed, double scale = 1, double mean = 0)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(mean + (scale * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()))))];
    }

    private static Histogram Of(params float[][] parts)
    {
        var histogram = new Histogram();
        foreach (float[] part in parts)
        {
            histogram.Add(part, part.Min(), part.Max());
        }

        return histogram;
    }

    [Fact]
    public void Counts_DoNotDependOnOrderOrBatches() => Gen.Float[-1e6f, 1e6f].Array[1, 200].Array[1, 6].Sample(static parts =>
    {
        (double[] centers, double[] weights) = Of(parts).Occupied();
        (double[] reversed, double[] counts) = Of([.. parts.Reverse().SelectMany(static part => part)]).Occupied();
        Assert.Equal(centers, reversed);
        Assert.Equal(weights, counts);
        Assert.Equal(parts.Sum(static part => part.Length), weights.Sum());
    });

    [Fact]
    public void Growth_KeepsEveryValueWithinABin()
    {
        float[] small = Normal(1000, 1, 0.001);
        float[] large = Normal(1000, 2, 50, 20);
        Histogram histogram = Of(small, large);
        Assert.True(histogram.Width * Histogram.Bins >= large.Max() - large.Min() && histogram.Width * Histogram.Bins < 2.1 * (large.Max() - large.Min()));
        float[] sorted = [.. small.Concat(large).Order()];
        foreach (double share in (double[])[0.01, 0.3, 0.5, 0.9, 0.999])
        {
            Assert.InRange(histogram.Quantile(share), sorted[(int)(share * sorted.Length) - 1] - (2 * histogram.Width), sorted[Math.Min((int)(share * sorted.Length) + 1, sorted.Length - 1)] + (2 * histogram.Width));
        }
    }

    [Theory]
    [InlineData(0f, 0f)]
    [InlineData(5f, 5f)]
    [InlineData(1e-42f, 2e-42f)]
    [InlineData(-3e38f, 3e38f)]
    [InlineData(1e30f, 1.0000001e30f)]
    public void ExtremeValues_AreCounted(float a, float b)
    {
        Histogram histogram = Of([a, b], [b, a]);
        Assert.Equal(4, histogram.Occupied().Weights.Sum());
        ValueRange range = RangeSearch.Find(histogram, CalibrationMethod.Mse, 99, 256);
        Assert.True(float.IsFinite(range.Min) && float.IsFinite(range.Max));
    }

    // J. Max, Quantizing for minimum distortion (1960), table II: the best step of a uniform quantizer of a unit normal variable is 0.3352 for 16 levels and 0.1881 for 32.
    [Theory]
    [InlineData(16, 0.3352)]
    [InlineData(32, 0.1881)]
    public void Mse_FindsThePublishedStepOfANormalVariable(int levels, double step)
    {
        ValueRange range = RangeSearch.Find(Of(Normal(400_000, 3)), CalibrationMethod.Mse, 0, levels);
        Assert.Equal(step, (range.Max - range.Min) / (levels - 1), step * 0.06);
    }

    [Fact]
    public void Mse_IsTheBestOfAllRangesOfAGrid()
    {
        float[] values = [.. Normal(5000, 4), 30];
        Histogram histogram = Of(values);
        ValueRange found = RangeSearch.Find(histogram, CalibrationMethod.Mse, 0, 16);
        double Error(double min, double max)
        {
            double scale = (max - min) / 15;
            double zero = Math.Round(-min / scale);
            return values.Average(value => Math.Pow(value - ((Math.Clamp(Math.Round(value / scale) + zero, 0, 15) - zero) * scale), 2));
        }

        double best = (from i in Enumerable.Range(1, 40) from j in Enumerable.Range(1, 40) select Error(histogram.Min * i / 40.0, histogram.Max * j / 40.0)).Min();
        Assert.True(Error(found.Min, found.Max) <= best * 1.02, $"{Error(found.Min, found.Max)} against {best}");
    }

    [Fact]
    public void Entropy_KeepsAUniformRange_AndCutsRareOutliers()
    {
        var random = new Random(5);
        float[] uniform = [.. Enumerable.Range(0, 200_000).Select(_ => (float)random.NextDouble())];
        Assert.InRange(RangeSearch.Find(Of(uniform), CalibrationMethod.Entropy, 0, 256).Max, 0.97f, 1.001f);
        ValueRange cut = RangeSearch.Find(Of(Normal(200_000, 6), [100f]), CalibrationMethod.Entropy, 0, 256);
        Assert.InRange(cut.Max, 2.5f, 20f);
    }

    [Fact]
    public void Divergence_EqualsItsDefinition()
    {
        // Six bins, levels of width 2 bins: scale 2, range [0, 4], so the last bin (5.5 rounds to level 3) is clipped.
        double[] centers = [0.5, 1.5, 2.5, 3.5, 4.5, 5.5];
        double[] weights = [40, 20, 10, 30, 59, 1];
        double scale = 2;
        double[] p = [40 / 160.0, 20 / 160.0, 10 / 160.0, 30 / 160.0, 60 / 160.0];

        // Levels: 0.5 -> 0; 1.5, 2.5 -> 1; 3.5, 4.5 -> 2 (levels 0..2).
        double[] q = [40 / 159.0, 15 / 159.0, 15 / 159.0, 44.5 / 159.0, 44.5 / 159.0];
        double expected = p.Zip(q, static (a, b) => a * Math.Log(a / b)).Sum();
        Assert.Equal(expected, RangeSearch.Divergence(centers, weights, new ValueRange(0, (float)(2 * scale)), 3, out double chance), 1e-12);
        Assert.Equal(2 / 320.0, chance, 1e-12);
    }

    [Fact]
    public void Entropy_DoesNotCutEverythingAway()
    {
        // All values lie close together and far from 0.
        float[] values = [.. Normal(2000, 7, 0.01, 0.9)];
        Assert.True(RangeSearch.Find(Of(values), CalibrationMethod.Entropy, 0, 256).Max >= values.Order().ElementAt(1950));
    }

    [Fact]
    public void Percentile_CutsHalfTheRestFromEachEnd()
    {
        float[] values = [.. Enumerable.Range(-5000, 10_001).Select(static value => value / 1000f)];
        ValueRange range = RangeSearch.Find(Of(values), CalibrationMethod.Percentile, 90, 256);
        Assert.Equal(-4.5f, range.Min, 0.01f);
        Assert.Equal(4.5f, range.Max, 0.01f);
    }

    [Fact]
    public void Memory_IsConstantInTheNumberOfValues()
    {
        var histogram = new Histogram();
        float[] values = Normal(1000, 6);
        histogram.Add(values, values.Min(), values.Max());
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            histogram.Add(values, values.Min(), values.Max());
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200_000);
    }
}
