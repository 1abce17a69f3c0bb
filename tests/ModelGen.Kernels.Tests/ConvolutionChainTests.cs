namespace ModelGen.Kernels.Tests;

/// <summary>Convolutions that are computed some rows at a time, against the same ones one after the other.</summary>
public sealed class ConvolutionChainTests
{
    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void ThreeConvolutionsAreThoseOneAfterTheOther(int bits) => Widths.Run(bits, new Chains(three: true));

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void TwoConvolutionsAreThoseOneAfterTheOther(int bits) => Widths.Run(bits, new Chains(three: false));

    /// <summary>Random inverted residuals: any kernel, stride, padding and dilation in each place, so that bands see rows outside of images and share rows.</summary>
    private sealed class Chains(bool three) : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new System.Random(17);
            int done = 0;
            while (done < 60)
            {
                ConvolutionShape first = Shape(random, random.Next(1, 4), random.Next(3, 70), random.Next(1, 40), random.Next(1, 20), random.Next(1, 70), 1, dense: true);
                int channels = (int)first.OutputChannels;
                ConvolutionShape second = Shape(random, (int)first.Batch, (int)first.OutputHeight, (int)first.OutputWidth, channels, channels, channels, dense: false);
                ConvolutionShape third = Shape(random, (int)first.Batch, (int)second.OutputHeight, (int)second.OutputWidth, channels, random.Next(1, 40), 1, dense: true);
                if (second.OutputPixels == 0 || third.OutputPixels == 0)
                {
                    continue;
                }

                done++;
                Check<V>(random, first, second, third);
            }
        }

        private void Check<V>(System.Random random, ConvolutionShape first, ConvolutionShape second, ConvolutionShape third)
            where V : unmanaged, IVector<V>
        {
            ConvolutionShape last = three ? third : second;
            using var input = TestMemory.Random(first.InputPixels * first.InputChannels, random);
            using var residual = TestMemory.Random(last.OutputPixels * last.OutputChannels, random);
            using var bias = TestMemory.Random(last.OutputChannels + 64, random);
            using var between = new TestMemory(first.OutputPixels * first.OutputChannels);
            using var between2 = new TestMemory(second.OutputPixels * second.OutputChannels);
            using var expected = new TestMemory(residual.Count);
            using var actual = new TestMemory(residual.Count);
            using TestMemory firstPanels = Packed<V>(random, first);
            using TestMemory thirdPanels = Packed<V>(random, third);
            using var weight = TestMemory.Random(second.Depth * second.OutputChannels, random);
            var epilogue = new AddRows(residual.Floats, last.OutputChannels);
            Convolution<V>.Forward(first, input.Floats, new PackedWeights(firstPanels.Floats), between.Floats);
            if (three)
            {
                Convolution<V>.Forward(second, between.Floats, weight.Floats, between2.Floats);
                Convolution<V>.Forward(third, between2.Floats, new PackedWeights(thirdPanels.Floats), expected.Floats, epilogue);
            }
            else
            {
                Convolution<V>.Forward(second, between.Floats, weight.Floats, expected.Floats, epilogue);
            }

            actual.Span.Fill(float.NaN);
            ConvolutionStage<NoEpilogue> start = ConvolutionStage.Of(first, new PackedWeights(firstPanels.Floats), default(NoEpilogue));
            if (three)
            {
                Convolution<V>.Chain(
                    input.Floats, start, ConvolutionStage.Of(second, weight.Floats, default(NoEpilogue)), ConvolutionStage.Of(third, new PackedWeights(thirdPanels.Floats), epilogue), actual.Floats);
            }
            else
            {
                Convolution<V>.Chain(input.Floats, start, ConvolutionStage.Of(second, weight.Floats, epilogue), actual.Floats);
            }

            Assert.True(expected.Span.SequenceEqual(actual.Span), $"{Text(first)}, {Text(second)}, {Text(third)}");
        }

        private static string Text(ConvolutionShape shape) =>
            $"n{shape.Batch} {shape.Height}x{shape.Width} {shape.InputChannels}->{shape.OutputChannels} k{shape.KernelHeight}x{shape.KernelWidth} s{shape.StrideY} p{shape.PadTop} d{shape.DilationY} g{shape.Groups}";

        private static TestMemory Packed<V>(System.Random random, ConvolutionShape shape)
            where V : unmanaged, IVector<V>
        {
            using var weight = TestMemory.Random(shape.Depth * shape.OutputChannels, random);
            var panels = new TestMemory(shape.Groups * shape.Depth * ((shape.GroupOutputs + 31) / 32 * 32));
            Convolution<V>.PackWeights(shape.Depth, shape.OutputChannels, shape.Groups, weight.Floats, panels.Floats);
            return panels;
        }

        /// <summary>Half of the dense ones are 1 x 1 without stride and padding, as in models.</summary>
        private static ConvolutionShape Shape(System.Random random, int batch, int height, int width, int inputs, int outputs, int groups, bool dense)
        {
            if (dense && random.Next(2) == 0)
            {
                return new ConvolutionShape(batch, height, width, inputs, outputs, 1, 1);
            }

            return new ConvolutionShape(batch, height, width, inputs, outputs, random.Next(1, 6), random.Next(1, 6))
            {
                StrideY = random.Next(1, 4),
                StrideX = random.Next(1, 4),
                PadTop = random.Next(0, 4),
                PadBottom = random.Next(0, 4),
                PadLeft = random.Next(0, 4),
                PadRight = random.Next(0, 4),
                DilationY = random.Next(1, 3),
                DilationX = random.Next(1, 3),
                Groups = groups,
            };
        }
    }

    /// <summary>Adds a tensor of the size of the results, as a residual connection does: it must see the rows of all images.</summary>
    private readonly struct AddRows(Floats rows, nint width) : ITileEpilogue
    {
        public unsafe void Run(Floats tile, nint stride, nint row, nint count, nint column, nint columns)
        {
            for (nint i = 0; i < count; i++)
            {
                for (nint j = 0; j < columns; j++)
                {
                    ((float*)tile)[(i * stride) + j] += ((float*)rows)[((row + i) * width) + column + j];
                }
            }
        }
    }
}
