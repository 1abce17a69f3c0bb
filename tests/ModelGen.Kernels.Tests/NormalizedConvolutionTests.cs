namespace ModelGen.Kernels.Tests;

/// <summary>Convolutions that share work with batch normalisation against both one after the other, which have tests of their own.</summary>
public sealed class NormalizedConvolutionTests
{
    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void AsOneAfterTheOther(int bits) => Widths.Run(bits, new Body());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void StatisticsFarFromZero(int bits) => Widths.Run(bits, new FarBody());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void InBFloat16_AsOneAfterTheOther(int bits) => Widths.Run(bits, new BFloat16Body());

    private static IEnumerable<ConvolutionShape> Shapes()
    {
        yield return new ConvolutionShape(3, 5, 7, 20, 24, 1, 1);
        yield return new ConvolutionShape(2, 16, 16, 24, 144, 1, 1);
        yield return new ConvolutionShape(1, 3, 3, 700, 40, 1, 1);
        yield return new ConvolutionShape(2, 4, 4, 3, 600, 1, 1);
        foreach (int channels in (int[])[2, 5, 16, 33, 144])
        {
            foreach ((int kernel, int stride, int pad, int dilation) in ((int, int, int, int)[])[(3, 1, 1, 1), (3, 2, 1, 1), (5, 1, 2, 1), (3, 1, 0, 1), (3, 1, 2, 2), (2, 3, 0, 1), (1, 1, 0, 1)])
            {
                yield return new ConvolutionShape(2, 9, 11, channels, channels, kernel, kernel)
                {
                    StrideY = stride, StrideX = stride, PadTop = pad, PadBottom = pad, PadLeft = pad, PadRight = pad, DilationY = dilation, DilationX = dilation, Groups = channels,
                };
            }
        }
    }

    private static TestMemory Numbers(int channels, Random random)
    {
        int padded = (channels + 15) / 16 * 16;
        var numbers = new TestMemory(new float[3 * padded]);
        for (int c = 0; c < channels; c++)
        {
            (numbers.Span[c], numbers.Span[padded + c], numbers.Span[(2 * padded) + c]) = (random.NextSingle() - 0.5f, random.NextSingle() + 0.5f, random.NextSingle() - 0.2f);
        }

        return numbers;
    }

    private static void Near(TestMemory expected, TestMemory actual, int from, int count, string what, double tolerance = 1e-5)
    {
        double size = 1e-3 + Enumerable.Range(from, count).Max(i => Math.Abs(expected[i]));
        for (int i = from; i < from + count; i++)
        {
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * size, $"{what}[{i}] is {actual[i]} instead of {expected[i]}");
        }
    }

    private sealed class Body : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(71);
            foreach (ConvolutionShape shape in Shapes())
            {
                string what = $"{shape.Height}x{shape.Width} {shape.InputChannels}-{shape.OutputChannels} k{shape.KernelHeight} s{shape.StrideY} p{shape.PadTop} d{shape.DilationY}";
                (int inputs, int outputs) = ((int)shape.InputChannels, (int)shape.OutputChannels);
                (int pixels, int results) = ((int)(shape.InputPixels * inputs), (int)(shape.OutputPixels * outputs));
                int weights = (int)(shape.Depth * outputs);
                using TestMemory x = TestMemory.Random(pixels, random), weight = TestMemory.Random(weights, random), gradient = TestMemory.Random(results, random), numbers = Numbers(inputs, random);
                using TestMemory z = new(pixels), expected = new(results), actual = new(results);
                int padded = (outputs + 15) / 16 * 16;
                using TestMemory statistics = new(2 * padded), measured = new(2 * padded);
                var normal = BatchNormal.Clamp(numbers.Floats, inputs, 0, 1.5f);
                BatchNorm<V>.Apply(x.Floats, shape.InputPixels, inputs, normal, z.Floats);
                Convolution<V>.Forward(shape, z.Floats, weight.Floats, expected.Floats);
                BatchNorm<V>.Measure(expected.Floats, shape.OutputPixels, outputs, statistics.Floats);
                Convolution<V>.ForwardAndMeasure(shape, x.Floats, normal, weight.Floats, actual.Floats, measured.Floats);
                Near(expected, actual, 0, results, what);
                Near(statistics, measured, 0, outputs, what + " mean");
                Near(statistics, measured, padded, outputs, what + " variance");
                Convolution<V>.Forward(shape, x.Floats, normal, weight.Floats, actual.Floats);
                Near(expected, actual, 0, results, what);

                using TestMemory dw = new(weights), dw2 = new(weights), db = new(outputs), db2 = new(outputs);
                Convolution<V>.GradientWeight(shape, z.Floats, gradient.Floats, dw.Floats, db.Floats, add: false);
                Convolution<V>.GradientWeight(shape, x.Floats, normal, gradient.Floats, dw2.Floats, db2.Floats, add: false);
                Near(dw, dw2, 0, weights, what + " dw");
                Near(db, db2, 0, outputs, what + " db");

                int wide = (inputs + 15) / 16 * 16;
                using TestMemory dx = new(pixels), dx2 = new(pixels), slopes = new(2 * wide), summed = new(2 * wide);
                Convolution<V>.GradientInput(shape, gradient.Floats, weight.Floats, dx.Floats, add: false);
                BatchNorm<V>.Slopes(dx.Floats, x.Floats, shape.InputPixels, inputs, normal, slopes.Floats);
                Convolution<V>.GradientInputAndSlopes(shape, gradient.Floats, weight.Floats, dx2.Floats, x.Floats, normal, summed.Floats);
                Near(dx, dx2, 0, pixels, what + " dx");
                Near(slopes, summed, 0, inputs, what + " sums", 1e-4);
                Near(slopes, summed, wide, inputs, what + " products", 1e-4);
            }
        }
    }

    /// <summary>Convolutions in bfloat16: direct ones, one with strides, and ones that are computed in floats.</summary>
    private sealed class BFloat16Body : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(73);
            foreach (ConvolutionShape shape in (ConvolutionShape[])
                [
                    new(3, 5, 7, 20, 24, 1, 1), new(2, 9, 11, 33, 40, 3, 3) { PadTop = 1, PadBottom = 1, PadLeft = 1, PadRight = 1 },
                    new(2, 9, 11, 17, 40, 3, 3) { StrideX = 2, StrideY = 2, PadTop = 1, PadBottom = 1, PadLeft = 1, PadRight = 1 },
                    new(8, 18, 18, 64, 64, 3, 3), new(2, 9, 11, 33, 33, 3, 3) { Groups = 33 }, new(2, 8, 8, 1, 40, 5, 5),
                ])
            {
                string what = $"{shape.Height}x{shape.Width} {shape.InputChannels}-{shape.OutputChannels} k{shape.KernelHeight} s{shape.StrideY} g{shape.Groups}";
                (int inputs, int outputs) = ((int)shape.InputChannels, (int)shape.OutputChannels);
                (int pixels, int results) = ((int)(shape.InputPixels * inputs), (int)(shape.OutputPixels * outputs));
                using TestMemory x = TestMemory.Random(pixels, random), weight = TestMemory.Random((int)(shape.Depth * outputs), random), gradient = TestMemory.Random(results, random), numbers = Numbers(inputs, random);
                int padded = (outputs + 15) / 16 * 16;
                using TestMemory expected = new(results), actual = new(results), statistics = new(2 * padded), measured = new(2 * padded);
                ConvolutionBFloat16<V>.Forward(shape, x.Floats, weight.Floats, expected.Floats);
                BatchNorm<V>.Measure(expected.Floats, shape.OutputPixels, outputs, statistics.Floats);
                ConvolutionBFloat16<V>.ForwardAndMeasure(shape, x.Floats, weight.Floats, actual.Floats, measured.Floats);
                Assert.True(expected.Span.SequenceEqual(actual.Span), what);
                Near(statistics, measured, 0, outputs, what + " mean");
                Near(statistics, measured, padded, outputs, what + " variance");

                int wide = (inputs + 15) / 16 * 16;
                var normal = BatchNormal.Clamp(numbers.Floats, inputs, 0, 1.5f);
                using TestMemory dx = new(pixels), dx2 = new(pixels), slopes = new(2 * wide), summed = new(2 * wide);
                ConvolutionBFloat16<V>.GradientInput(shape, gradient.Floats, weight.Floats, dx.Floats, add: false);
                BatchNorm<V>.Slopes(dx.Floats, x.Floats, shape.InputPixels, inputs, normal, slopes.Floats);
                ConvolutionBFloat16<V>.GradientInputAndSlopes(shape, gradient.Floats, weight.Floats, dx2.Floats, x.Floats, normal, summed.Floats);
                Assert.True(dx.Span.SequenceEqual(dx2.Span), what + " dx");
                Near(slopes, summed, 0, inputs, what + " sums", 1e-4);
                Near(slopes, summed, wide, inputs, what + " products", 1e-4);
            }
        }
    }

    /// <summary>Results whose mean is three thousand times their deviation, of all kinds of convolutions.</summary>
    private sealed class FarBody : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(72);
            foreach (ConvolutionShape shape in (ConvolutionShape[])
                [
                    new(3, 20, 20, 16, 16, 1, 1), new(3, 20, 20, 33, 33, 3, 3) { Groups = 33 }, new(8, 18, 18, 128, 128, 3, 3), new(2, 20, 20, 40, 40, 3, 3) { Groups = 2, StrideX = 2, StrideY = 2 },
                ])
            {
                (int channels, int results) = ((int)shape.OutputChannels, (int)(shape.OutputPixels * shape.OutputChannels));
                using var x = TestMemory.Random(shape.InputPixels * channels, random);
                foreach (ref float value in x.Span)
                {
                    value += 3000;
                }

                // One input for each output.
                using var weight = new TestMemory(new float[shape.Depth * channels]);
                nint middle = shape.KernelHeight * shape.KernelWidth / 2 * shape.GroupInputs;
                for (int c = 0; c < channels; c++)
                {
                    weight.Span[(int)(((middle + (c % shape.GroupInputs)) * channels) + c)] = 1;
                }

                using var y = new TestMemory(results);
                int padded = (channels + 15) / 16 * 16;
                using var statistics = new TestMemory(2 * padded);
                Convolution<V>.ForwardAndMeasure(shape, x.Floats, default, weight.Floats, y.Floats, statistics.Floats);
                for (int c = 0; c < channels; c++)
                {
                    double[] values = [.. Enumerable.Range(0, (int)shape.OutputPixels).Select(i => (double)y[(i * channels) + c])];
                    double mean = values.Average();
                    double variance = values.Average(value => (value - mean) * (value - mean));
                    Assert.Equal(mean, statistics[c], 3e-3);
                    Assert.Equal(variance, statistics[padded + c], 1e-3 * variance);
                }
            }
        }
    }
}
