namespace ModelGen.Kernels.Tests;

/// <summary>Convolutions and their gradients against sums in float64.</summary>
public sealed class ConvolutionTests
{
    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void RandomShapes(int bits) => Widths.Run(bits, new Random(false));

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void RandomShapesWithGroups(int bits) => Widths.Run(bits, new Random(true));

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void ShapesOfModels(int bits) => Widths.Run(bits, new Models());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void MinimalFiltering(int bits) => Widths.Run(bits, new Filtering());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void EveryNumberOfChannels(int bits) => Widths.Run(bits, new Channels());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void Depthwise(int bits) => Widths.Run(bits, new DepthwiseShapes());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void EpiloguesSeeEveryElementOnce(int bits) => Widths.Run(bits, new Epilogues());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void NotANumberAndInfinityReachWhatSeesThem(int bits) => Widths.Run(bits, new SpecialNumbers());

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void RepeatedRunsAreEqualBitForBit(int bits) => Widths.Run(bits, new Repeated());

    [Fact]
    public void TransposedShapesHaveTheSizesOfPyTorch()
    {
        ConvolutionShape shape = ConvolutionShape.Transposed(2, 5, 7, 3, 4, 3, 4, 2, 3, 1, 0, 1, 2, 2, 1, 1);
        Assert.Equal((((5 - 1) * 2) - 2 + (2 * 2) + 1 + 1, ((7 - 1) * 3) + 3 + 2 + 1), (shape.Height, shape.Width));
        Assert.Equal((5, 7, 4, 3), (shape.OutputHeight, shape.OutputWidth, shape.InputChannels, shape.OutputChannels));
    }

    /// <summary>Forward and all gradients of one shape, replacing and adding.</summary>
    private static void Check<V>(System.Random random, ConvolutionShape shape, bool add, bool filter = false)
        where V : unmanaged, IVector<V>
    {
        string name = $"n{shape.Batch} {shape.Height}x{shape.Width} {shape.InputChannels}->{shape.OutputChannels} k{shape.KernelHeight}x{shape.KernelWidth} s{shape.StrideY},{shape.StrideX} "
            + $"p{shape.PadTop},{shape.PadBottom},{shape.PadLeft},{shape.PadRight} d{shape.DilationY},{shape.DilationX} g{shape.Groups} add {add}";

        // Minimal filtering adds numbers of different sizes.
        double tolerance = filter ? 5e-6 : 1e-6;
        nint outputs = shape.OutputPixels * shape.OutputChannels;
        using var input = TestMemory.Random(shape.InputPixels * shape.InputChannels, random);
        using var weight = TestMemory.Random(shape.Depth * shape.OutputChannels, random);
        using var gradOutput = TestMemory.Random(outputs, random);
        using var output = new TestMemory(outputs);
        using TestMemory gradInput = add ? TestMemory.Random(input.Count, random) : new TestMemory(input.Count);
        using TestMemory gradWeight = add ? TestMemory.Random(weight.Count, random) : new TestMemory(weight.Count);
        using TestMemory gradBias = add ? TestMemory.Random(shape.OutputChannels, random) : new TestMemory(shape.OutputChannels);
        var expectedOutput = new Sums(new float[outputs], "output");
        var expectedInput = new Sums(add ? gradInput.Span.ToArray() : new float[input.Count], "gradient of input");
        var expectedWeight = new Sums(add ? gradWeight.Span.ToArray() : new float[weight.Count], "gradient of weight");
        var expectedBias = new Sums(add ? gradBias.Span.ToArray() : new float[shape.OutputChannels], "gradient of bias");
        foreach ((int x, int w, int y) in Terms(shape))
        {
            expectedOutput.Add(y, input[x], weight[w]);
            expectedInput.Add(x, gradOutput[y], weight[w]);
            expectedWeight.Add(w, input[x], gradOutput[y]);
        }

        for (int i = 0; i < outputs; i++)
        {
            expectedBias.Add(i % (int)shape.OutputChannels, gradOutput[i], 1);
        }

        if (filter)
        {
            unsafe
            {
                MinimalFiltering<V, FilterFour<V>>.Forward(shape, input.Floats, weight.Floats, null, output.Floats, default(NoEpilogue));
                MinimalFiltering<V, FilterFour<V>>.GradientInput(shape, gradOutput.Floats, weight.Floats, gradInput.Floats, add, default(NoEpilogue));
                using var again = new TestMemory(output.Count);
                foreach (int side in (int[])[4, 2])
                {
                    using var transformed = new TestMemory((side + 2) * (side + 2) * shape.InputChannels * ((shape.OutputChannels + 31) / 32 * 32));
                    Convolution<V>.TransformWeights(shape.InputChannels, shape.OutputChannels, side, weight.Floats, transformed.Floats);
                    if (side == 4)
                    {
                        MinimalFiltering<V, FilterFour<V>>.Forward(shape, input.Floats, null, transformed.Floats, again.Floats, default(NoEpilogue));
                        Assert.True(output.Span.SequenceEqual(again.Span), name);
                        continue;
                    }

                    MinimalFiltering<V, FilterTwo<V>>.Forward(shape, input.Floats, null, transformed.Floats, again.Floats, default(NoEpilogue));
                    expectedOutput.Compare(again, name, tolerance / 3);
                }

                Winograd<V>.GradientWeight(shape, input.Floats, gradOutput.Floats, gradWeight.Floats, add);
            }

            expectedOutput.Compare(output, name, tolerance);
            expectedInput.Compare(gradInput, name, tolerance);
            expectedWeight.Compare(gradWeight, name, tolerance);
            return;
        }

        Convolution<V>.Forward(shape, input.Floats, weight.Floats, output.Floats);
        expectedOutput.Compare(output, name, tolerance);
        if (shape.Groups < shape.OutputChannels)
        {
            using var panels = new TestMemory(shape.Groups * shape.Depth * ((shape.GroupOutputs + 31) / 32 * 32));
            panels.Span.Fill(float.NaN);
            Convolution<V>.PackWeights(shape.Depth, shape.OutputChannels, shape.Groups, weight.Floats, panels.Floats);
            output.Span.Fill(float.NaN);
            Convolution<V>.Forward(shape, input.Floats, new PackedWeights(panels.Floats), output.Floats);
            expectedOutput.Compare(output, name, tolerance);
        }

        Convolution<V>.GradientInput(shape, gradOutput.Floats, weight.Floats, gradInput.Floats, add);
        expectedInput.Compare(gradInput, name, tolerance);
        Convolution<V>.GradientWeight(shape, input.Floats, gradOutput.Floats, gradWeight.Floats, gradBias.Floats, add);
        expectedWeight.Compare(gradWeight, name, tolerance);
        expectedBias.Compare(gradBias, name, 1e-6);
        if (!add)
        {
            gradWeight.Span.Fill(float.NaN);
            Convolution<V>.GradientWeight(shape, input.Floats, gradOutput.Floats, gradWeight.Floats, add);
            expectedWeight.Compare(gradWeight, name, tolerance);
        }
    }

    /// <summary>Places of the factors of all products: input, weight, output.</summary>
    internal static IEnumerable<(int Input, int Weight, int Output)> Terms(ConvolutionShape shape)
    {
        int outputs = (int)shape.OutputChannels;
        int groupInputs = (int)shape.GroupInputs;
        int groupOutputs = (int)shape.GroupOutputs;
        int output = -1;
        for (int n = 0; n < shape.Batch; n++)
        {
            for (int i = 0; i < shape.OutputHeight; i++)
            {
                for (int j = 0; j < shape.OutputWidth; j++)
                {
                    for (int o = 0; o < outputs; o++)
                    {
                        output++;
                        for (int s = 0; s < shape.KernelHeight; s++)
                        {
                            for (int t = 0; t < shape.KernelWidth; t++)
                            {
                                int y = (int)((i * shape.StrideY) - shape.PadTop + (s * shape.DilationY));
                                int x = (int)((j * shape.StrideX) - shape.PadLeft + (t * shape.DilationX));
                                if (y < 0 || y >= shape.Height || x < 0 || x >= shape.Width)
                                {
                                    continue;
                                }

                                int pixel = (int)((((n * shape.Height) + y) * shape.Width) + x) * (int)shape.InputChannels;
                                int tap = ((s * (int)shape.KernelWidth) + t) * groupInputs;
                                for (int c = 0; c < groupInputs; c++)
                                {
                                    yield return (pixel + (o / groupOutputs * groupInputs) + c, ((tap + c) * outputs) + o, output);
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// <summary>Sums in float64 and the size of their terms.</summary>
    internal sealed class Sums(float[] start, string name)
    {
        private readonly double[] sums = [.. start];
        private readonly double[] sizes = [.. start.Select(static value => Math.Abs((double)value) + 1)];

        public void Add(int index, double a, double b)
        {
            sums[index] += a * b;
            sizes[index] += Math.Abs(a * b);
        }

        public void Compare(TestMemory actual, string shape, double tolerance)
        {
            for (int i = 0; i < sums.Length; i++)
            {
                Assert.True(Math.Abs(sums[i] - actual[i]) <= tolerance * sizes[i], $"{shape}: {name}[{i}] is {actual[i]} instead of {sums[i]}");
            }
        }
    }

    private sealed class Random(bool groups) : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new System.Random(groups ? 3 : 4);
            for (int i = 0; i < 150; i++)
            {
                nint Size(int largest) => 1 + random.Next(random.Next(1, largest));
                nint group = groups ? Size(5) : 1;
                var shape = new ConvolutionShape(random.Next(20) == 0 ? 0 : Size(4), Size(14), Size(20), group * Size(groups ? 6 : 24), group * Size(groups ? 8 : 40), Size(5), Size(5))
                {
                    StrideY = Size(4),
                    StrideX = Size(4),
                    PadTop = random.Next(4),
                    PadBottom = random.Next(4) - 1,
                    PadLeft = random.Next(4),
                    PadRight = random.Next(4) - 1,
                    DilationY = Size(3),
                    DilationX = Size(3),
                    Groups = group,
                };
                Check<V>(random, shape, i % 3 == 0);
            }
        }
    }

    /// <summary>Shapes that take Winograd's way: sizes that tiles do not divide, padding of every kind, ragged channels, several pieces.</summary>
    private sealed class Filtering : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new System.Random(13);
            ConvolutionShape[] shapes =
            [
                new(4, 8, 8, 16, 16, 3, 3) { PadTop = 1, PadBottom = 1, PadLeft = 1, PadRight = 1 },
                new(2, 15, 22, 17, 35, 3, 3) { PadTop = 1, PadBottom = 1, PadLeft = 1, PadRight = 1 },
                new(3, 14, 13, 20, 64, 3, 3),
                new(1, 23, 12, 33, 18, 3, 3) { PadTop = 2, PadBottom = 2, PadLeft = 2, PadRight = 2 },
                new(5, 7, 9, 40, 24, 3, 3) { PadTop = 0, PadBottom = 2, PadLeft = 2, PadRight = 1 },
                new(16, 4, 4, 130, 70, 3, 3) { PadTop = 1, PadBottom = 1, PadLeft = 1, PadRight = 1 },
                new(3, 6, 7, 3, 1, 3, 3) { PadTop = 1, PadBottom = 1, PadLeft = 1, PadRight = 1 },
                new(9, 16, 16, 64, 64, 3, 3) { PadTop = 1, PadBottom = 1, PadLeft = 1, PadRight = 1 },
            ];
            foreach (ConvolutionShape shape in shapes)
            {
                Assert.True(Winograd<V>.CanRun(shape));
                Check<V>(random, shape, false, filter: true);
                Check<V>(random, shape, true, filter: true);
            }

            // A shape that takes this way by itself, with a bias.
            var large = new ConvolutionShape(8, 16, 16, 128, 128, 3, 3) { PadTop = 1, PadBottom = 1, PadLeft = 1, PadRight = 1 };
            Assert.True(Winograd<V>.Pays(large));
            Assert.False(Winograd<V>.Pays(large with { StrideX = 2 }));
            using var input = TestMemory.Random(large.InputPixels * 128, random);
            using var weight = TestMemory.Random(9 * 128 * 128, random);
            using var bias = TestMemory.Random(128, random);
            using var plain = new TestMemory(large.OutputPixels * 128);
            using var changed = new TestMemory(large.OutputPixels * 128);
            Convolution<V>.Forward(large, input.Floats, weight.Floats, plain.Floats);
            Convolution<V>.Forward(large, input.Floats, weight.Floats, changed.Floats, new BiasEpilogue<V>(bias.Floats));
            for (int i = 0; i < plain.Count; i++)
            {
                Assert.Equal(plain[i] + bias[i % 128], changed[i]);
            }

            using var sums = new TestMemory(128);
            using var kernels = new TestMemory(weight.Count);
            Convolution<V>.GradientWeight(large, input.Floats, plain.Floats, kernels.Floats, sums.Floats, add: false);
            for (int c = 0; c < 128; c++)
            {
                double sum = 0;
                for (int i = c; i < plain.Count; i += 128)
                {
                    sum += plain[i];
                }

                Assert.Equal(sum, sums[c], 1e-3 * (1 + Math.Abs(sum)));
            }
        }
    }

    private sealed class Models : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new System.Random(5);
            Check<V>(random, new ConvolutionShape(2, 19, 17, 3, 20, 7, 7) { StrideY = 2, StrideX = 2, PadTop = 3, PadBottom = 3, PadLeft = 3, PadRight = 3 }, false);
            Check<V>(random, new ConvolutionShape(3, 4, 4, 48, 70, 3, 3) { PadTop = 1, PadBottom = 1, PadLeft = 1, PadRight = 1 }, false);
            Check<V>(random, new ConvolutionShape(1, 3, 5, 300, 24, 3, 3) { PadTop = 1, PadBottom = 1, PadLeft = 1, PadRight = 1 }, false);
            Check<V>(random, new ConvolutionShape(1, 2, 13, 1300, 3, 1, 1), true);
            Check<V>(random, new ConvolutionShape(1, 5, 13, 1024, 3, 1, 1), true);
            Check<V>(random, new ConvolutionShape(1, 7, 7, 17, 520, 1, 1) { StrideY = 2, StrideX = 2 }, false);
            Check<V>(random, new ConvolutionShape(2, 26, 26, 1, 32, 3, 3), false);
            Check<V>(random, new ConvolutionShape(2, 1, 300, 5, 16, 1, 9) { PadLeft = 8 }, false);
            Check<V>(random, new ConvolutionShape(2, 30, 1, 16, 5, 3, 1) { PadTop = 1, PadBottom = 1, DilationY = 2 }, false);
            Check<V>(random, ConvolutionShape.Transposed(2, 5, 6, 20, 9, 3, 3, 2, 2, 1, 1, 1, 1), false);
            Check<V>(random, ConvolutionShape.Transposed(2, 5, 6, 6, 9, 2, 2, 2, 2), true);
            Check<V>(random, ConvolutionShape.Transposed(1, 4, 3, 6, 4, 2, 1, 3, 4, 0, 0, 2, 3, 3, 1, 2), true);
            Check<V>(random, ConvolutionShape.Transposed(1, 4, 3, 2, 4, 3, 3, 2, 2, 4, 0, 1, 2, 1, 3), false);
        }
    }

    private sealed class Channels : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new System.Random(6);
            foreach (nint channels in (nint[])[1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 15, 16, 17, 24, 31, 32, 33, 48, 49])
            {
                Check<V>(random, new ConvolutionShape(1, 4, 13, channels, 5, 1, 3) { PadLeft = 1, PadRight = 1 }, false);
                Check<V>(random, new ConvolutionShape(1, 4, 5, 3, channels, 3, 2) { PadTop = 1 }, true);
                Check<V>(random, new ConvolutionShape(1, 3, 4, channels, channels, 1, 1), true);
            }
        }
    }

    private sealed class DepthwiseShapes : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new System.Random(8);
            foreach (nint channels in (nint[])[2, 3, 8, 15, 16, 17, 31, 32, 33, 64, 65, 70])
            {
                foreach ((nint kernel, nint stride) in ((nint, nint)[])[(3, 1), (3, 2), (5, 1), (5, 2), (2, 3)])
                {
                    nint pad = kernel / 2;
                    var shape = new ConvolutionShape(2, 6, 9, channels, channels, kernel, kernel)
                    {
                        StrideY = stride, StrideX = stride, PadTop = pad, PadBottom = pad, PadLeft = pad, PadRight = pad, Groups = channels,
                    };
                    Check<V>(random, shape, channels % 2 == 0);
                }
            }

            for (int i = 0; i < 60; i++)
            {
                nint Size(int largest) => 1 + random.Next(random.Next(1, largest));
                nint channels = 1 + Size(40);
                var shape = new ConvolutionShape(random.Next(3), Size(9), Size(12), channels, channels * Size(4), Size(5), Size(5))
                {
                    StrideY = Size(4),
                    StrideX = Size(4),
                    PadTop = random.Next(4),
                    PadBottom = random.Next(4) - 1,
                    PadLeft = random.Next(4),
                    PadRight = random.Next(4) - 1,
                    DilationY = Size(3),
                    DilationX = Size(3),
                    Groups = channels,
                };
                Check<V>(random, shape, i % 3 == 0);
            }
        }
    }

    private sealed class Epilogues : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            foreach (nint groups in (nint[])[1, 2, 20])
            {
                foreach (nint stride in (nint[])[1, 2])
                {
                    var random = new System.Random(9);
                    var shape = new ConvolutionShape(2, 11, 13, 20, 40, 3, 3) { PadTop = 1, PadLeft = 1, StrideY = stride, StrideX = stride, Groups = groups };
                    Both<V>(random, shape);
                }
            }

            Both<V>(new System.Random(10), new ConvolutionShape(1, 4, 5, 700, 37, 1, 1));
        }

        private static void Both<V>(System.Random random, ConvolutionShape shape)
            where V : unmanaged, IVector<V>
        {
            nint outputs = shape.OutputPixels * shape.OutputChannels;
            using var input = TestMemory.Random(shape.InputPixels * shape.InputChannels, random);
            using var weight = TestMemory.Random(shape.Depth * shape.OutputChannels, random);
            using var gradOutput = TestMemory.Random(outputs, random);
            using var bias = TestMemory.Random(Math.Max(shape.OutputChannels, shape.InputChannels), random);
            using var residual = TestMemory.Random(outputs, random);
            using var plain = new TestMemory(outputs);
            using var changed = new TestMemory(outputs);
            Convolution<V>.Forward(shape, input.Floats, weight.Floats, plain.Floats);
            Convolution<V>.Forward(shape, input.Floats, weight.Floats, changed.Floats, new BiasEpilogue<V>(bias.Floats));
            Compare(changed, i => plain[i] + bias[i % shape.OutputChannels]);
            Convolution<V>.Forward(shape, input.Floats, weight.Floats, changed.Floats, new BiasReluEpilogue<V>(bias.Floats));
            Compare(changed, i => Math.Max(0, plain[i] + bias[i % shape.OutputChannels]));
            Convolution<V>.Forward(shape, input.Floats, weight.Floats, changed.Floats, new ResidualEpilogue<V>(bias.Floats, residual.Floats, shape.OutputChannels, true));
            Compare(changed, i => Math.Max(0, plain[i] + bias[i % shape.OutputChannels] + residual[i]));
            Convolution<V>.Forward(shape, input.Floats, weight.Floats, changed.Floats, new ResidualEpilogue<V>(default, residual.Floats, shape.OutputChannels, false));
            Compare(changed, i => plain[i] + residual[i]);
            using var gradInput = new TestMemory(input.Count);
            using var changedInput = new TestMemory(input.Count);
            Convolution<V>.GradientInput(shape, gradOutput.Floats, weight.Floats, gradInput.Floats, false);
            Convolution<V>.GradientInput(shape, gradOutput.Floats, weight.Floats, changedInput.Floats, false, new BiasEpilogue<V>(bias.Floats));
            Compare(changedInput, i => gradInput[i] + bias[i % shape.InputChannels]);
        }

        private static void Compare(TestMemory actual, Func<long, float> expected)
        {
            for (long i = 0; i < actual.Count; i++)
            {
                Assert.Equal(expected(i), actual[i]);
            }
        }
    }

    private sealed class SpecialNumbers : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            foreach (nint groups in (nint[])[1, 2, 20])
            {
                var random = new System.Random(12);
                var shape = new ConvolutionShape(1, 6, 20, 20, 20, 3, 3) { PadTop = 1, PadBottom = 1, PadLeft = 1, PadRight = 1, Groups = groups };
                using var input = TestMemory.Random(shape.InputPixels * shape.InputChannels, random);
                using var weight = TestMemory.Random(shape.Depth * shape.OutputChannels, random);
                using var output = new TestMemory(shape.OutputPixels * shape.OutputChannels);
                int nan = ((2 * 20) + 7) * 20;
                int infinity = ((5 * 20) + 19) * 20;
                input.Span[nan] = float.NaN;
                input.Span[infinity] = float.PositiveInfinity;
                var sees = new HashSet<int>();
                foreach ((int x, int w, int y) in Terms(shape))
                {
                    if (x == nan || x == infinity)
                    {
                        sees.Add(y);
                    }
                }

                Convolution<V>.Forward(shape, input.Floats, weight.Floats, output.Floats, new BiasReluEpilogue<V>(weight.Floats));
                for (int i = 0; i < output.Count; i++)
                {
                    bool near = i / 400 <= 3;
                    Assert.True(sees.Contains(i) ? near ? float.IsNaN(output[i]) : float.IsPositiveInfinity(output[i]) || output[i] == 0 : float.IsFinite(output[i]), $"groups {groups}: [{i}] is {output[i]}");
                }
            }
        }
    }

    private sealed class Repeated : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            foreach (nint groups in (nint[])[1, 4, 32])
            {
                var random = new System.Random(13);
                var shape = new ConvolutionShape(4, 10, 12, 32, 64, 3, 3) { PadTop = 1, PadBottom = 1, PadLeft = 1, PadRight = 1, Groups = groups };
                using var input = TestMemory.Random(shape.InputPixels * shape.InputChannels, random);
                using var weight = TestMemory.Random(shape.Depth * shape.OutputChannels, random);
                using var gradOutput = TestMemory.Random(shape.OutputPixels * shape.OutputChannels, random);
                long count = gradOutput.Count + input.Count + weight.Count + shape.OutputChannels;
                float[]? first = null;
                for (int i = 0; i < 10; i++)
                {
                    using var results = new TestMemory(count);
                    Floats gradInput = results.Floats + (nint)gradOutput.Count;
                    Floats gradWeight = gradInput + (nint)input.Count;
                    Convolution<V>.Forward(shape, input.Floats, weight.Floats, results.Floats);
                    Convolution<V>.GradientInput(shape, gradOutput.Floats, weight.Floats, gradInput, false);
                    Convolution<V>.GradientWeight(shape, input.Floats, gradOutput.Floats, gradWeight, gradWeight + (nint)weight.Count, false);
                    first ??= results.Span.ToArray();
                    Assert.True(results.Span.SequenceEqual(first));
                }
            }
        }
    }
}
