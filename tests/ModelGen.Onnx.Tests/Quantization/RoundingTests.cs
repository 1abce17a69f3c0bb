using ModelGen.Onnx.Quantization;

namespace ModelGen.Onnx.Tests.Quantization;

public sealed class RoundingTests
{
    /// <summary>Second moments of correlated inputs.</summary>
    private static float[] Moments(int size, int rows, int seed, out float[] inputs)
    {
        float[] mix = Graphs.Random(size * size, seed);
        float[] noise = Graphs.Random(rows * size, seed + 1);
        inputs = new float[rows * size];
        for (int row = 0; row < rows; row++)
        {
            for (int i = 0; i < size; i++)
            {
                for (int j = 0; j < size; j++)
                {
                    inputs[(row * size) + i] += noise[(row * size) + j] * mix[(j * size) + i];
                }
            }
        }

        float[] moments = new float[size * size];
        SecondMoments.Add(inputs, rows, size, moments);
        return moments;
    }

    private static double Error(float[] moments, int size, ReadOnlySpan<float> weights, ReadOnlySpan<sbyte> integers, float scale)
    {
        double sum = 0;
        for (int i = 0; i < size; i++)
        {
            for (int j = 0; j < size; j++)
            {
                double h = moments[(Math.Min(i, j) * size) + Math.Max(i, j)];
                sum += (weights[i] - (integers[i] * (double)scale)) * h * (weights[j] - (integers[j] * (double)scale));
            }
        }

        return sum;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(16)]
    [InlineData(37)]
    [InlineData(70)]
    public void SecondMoments_EqualTheSumOfProducts(int size)
    {
        float[] moments = Moments(size, 50, size, out float[] inputs);
        for (int i = 0; i < size; i++)
        {
            for (int j = i; j < size; j++)
            {
                double expected = Enumerable.Range(0, 50).Sum(row => (double)inputs[(row * size) + i] * inputs[(row * size) + j]);
                Assert.Equal(expected, moments[(i * size) + j], 1e-3);
            }
        }
    }

    [Theory]
    [InlineData(3)]
    [InlineData(32)]
    [InlineData(77)]
    public void Cholesky_MultipliesBackToTheMatrix(int size)
    {
        float[] moments = Moments(size, 4 * size, 9, out _);
        float[] matrix = new float[size * size];
        for (int i = 0; i < size; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                matrix[(i * size) + j] = moments[(j * size) + i] + (i == j ? 1 : 0);
            }
        }

        float[] factor = [.. matrix];
        Cholesky.Factor(factor, size);
        for (int i = 0; i < size; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                double product = Enumerable.Range(0, j + 1).Sum(k => (double)factor[(i * size) + k] * factor[(j * size) + k]);
                Assert.Equal(matrix[(i * size) + j], product, 1e-3 * matrix[(j * size) + j]);
            }
        }
    }

    [Fact]
    public void IndependentInputs_AreRoundedToTheNearest()
    {
        float[] weights = Graphs.Random(20, 3);
        float[] identity = new float[400];
        for (int i = 0; i < 20; i++)
        {
            identity[i * 21] = i + 1;
        }

        sbyte[] integers = new sbyte[20];
        new AdaptiveRounding(identity, 20, 1000).Round(weights, static _ => 0.1f, integers, static _ => (-127, 127));
        Assert.Equal(weights.Select(static weight => (sbyte)MathF.Round(weight / 0.1f)), integers);
    }

    [Fact]
    public void CorrelatedInputs_GiveLessErrorThanNearest_AndNearlyTheLeastPossible()
    {
        double adaptive = 0;
        double nearest = 0;
        double least = 0;
        for (int seed = 0; seed < 20; seed++)
        {
            const int size = 8;
            float[] moments = Moments(size, 200, seed, out _);
            float[] weights = Graphs.Random(size, seed + 100);
            sbyte[] integers = new sbyte[size];
            new AdaptiveRounding(moments, size, 200).Round(weights, static _ => 0.25f, integers, static _ => (-127, 127));
            adaptive += Error(moments, size, weights, integers, 0.25f);
            sbyte[] rounded = [.. weights.Select(static weight => (sbyte)MathF.Round(weight / 0.25f))];
            nearest += Error(moments, size, weights, rounded, 0.25f);

            // Every weight one up, one down, or as it is.
            least += Enumerable.Range(0, 6561).Min(code =>
            {
                sbyte[] trial = [.. rounded];
                for (int i = 0; i < size; i++, code /= 3)
                {
                    trial[i] += (sbyte)((code % 3) - 1);
                }

                return Error(moments, size, weights, trial, 0.25f);
            });
        }

        Assert.True(adaptive < 0.7 * nearest, $"adaptive {adaptive}, nearest {nearest}");
        Assert.True(adaptive < 2.5 * least, $"adaptive {adaptive}, least {least}");
    }

    [Theory]
    [InlineData(4, true, 40)]
    [InlineData(4, false, 40)]
    [InlineData(8, true, 64)]
    [InlineData(8, false, 33)]
    public void Blocks_StayWithinHalfAStep(int bits, bool symmetric, int inputs)
    {
        var weights = new WeightMatrix(Graphs.Random(6 * inputs, 8), 6, inputs);
        var blocks = BlockWeights.Quantize(weights, new WeightQuantizationOptions { Bits = bits, BlockSize = 16, Symmetric = symmetric }, null);
        Assert.Equal(6 * blocks.Blocks * blocks.BlockBytes, blocks.Packed.Length);
        for (int output = 0; output < 6; output++)
        {
            for (int input = 0; input < inputs; input++)
            {
                double scale = Math.Abs(blocks.Scales[(output * blocks.Blocks) + (input / 16)]);

                // A block may give up reach for finer steps: then its ends are off by more.
                Assert.Equal(weights.Row(output)[input], blocks.Value(output, input), scale * (bits == 4 ? 3 : 0.51));
            }
        }
    }
}
