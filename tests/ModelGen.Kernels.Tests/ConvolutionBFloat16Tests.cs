namespace ModelGen.Kernels.Tests;

/// <summary>Convolutions of bfloat16 numbers and their gradients against sums in float64 of rounded operands.</summary>
public sealed class ConvolutionBFloat16Tests
{
    [Theory]
    [MemberData(nameof(BFloat16.Ways), MemberType = typeof(BFloat16))]
    public void RandomShapes(int bits, bool portable) => Widths.Run(bits, new Shapes(portable));

    [Theory]
    [MemberData(nameof(BFloat16.Ways), MemberType = typeof(BFloat16))]
    public void ShapesOfModels(int bits, bool portable) => Widths.Run(bits, new Models(portable));

    [Theory]
    [MemberData(nameof(BFloat16.Ways), MemberType = typeof(BFloat16))]
    public void EveryNumberOfChannels(int bits, bool portable) => Widths.Run(bits, new Channels(portable));

    [Theory]
    [MemberData(nameof(BFloat16.Ways), MemberType = typeof(BFloat16))]
    public void EpiloguesSeeEveryElementOnce(int bits, bool portable) => Widths.Run(bits, new Epilogues(portable));

    [Theory]
    [MemberData(nameof(BFloat16.Ways), MemberType = typeof(BFloat16))]
    public void NotANumberAndInfinityReachWhatSeesThem(int bits, bool portable) => Widths.Run(bits, new SpecialNumbers(portable));

    [Theory]
    [MemberData(nameof(BFloat16.Ways), MemberType = typeof(BFloat16))]
    public void RepeatedRunsAreEqualBitForBit(int bits, bool portable) => Widths.Run(bits, new Repeated(portable));

    [Theory]
    [MemberData(nameof(Widths.All), MemberType = typeof(Widths))]
    public void WhatIsFasterInFloatsIsComputedInFloats(int bits) => Widths.Run(bits, new Choice());

    private static void Forward<V, TEpilogue>(bool portable, in ConvolutionShape shape, Floats input, Floats weight, Floats output, TEpilogue epilogue)
        where V : unmanaged, IVector<V>
        where TEpilogue : unmanaged, ITileEpilogue
    {
        if (Pairs<V>(portable))
        {
            Convolution<V512>.Direct<PairFormat, TEpilogue>(shape, input, default, weight, output, epilogue);
        }
        else
        {
            Convolution<V>.Direct<RoundedFormat<V>, TEpilogue>(shape, input, default, weight, output, epilogue);
        }
    }

    private static void GradientInput<V, TEpilogue>(bool portable, in ConvolutionShape shape, Floats gradOutput, Floats weight, Floats gradInput, bool add, TEpilogue epilogue)
        where V : unmanaged, IVector<V>
        where TEpilogue : unmanaged, ITileEpilogue
    {
        if (Pairs<V>(portable))
        {
            Convolution<V512>.DirectGradientInput<PairFormat, TEpilogue>(shape, gradOutput, weight, gradInput, add, epilogue);
        }
        else
        {
            Convolution<V>.DirectGradientInput<RoundedFormat<V>, TEpilogue>(shape, gradOutput, weight, gradInput, add, epilogue);
        }
    }

    private static void GradientWeight<V>(bool portable, in ConvolutionShape shape, Floats input, Floats gradOutput, Floats gradWeight, Floats gradBias, bool add)
        where V : unmanaged, IVector<V>
    {
        if (Pairs<V>(portable))
        {
            Convolution<V512>.DirectGradientWeight<PairFormat>(shape, input, default, gradOutput, gradWeight, gradBias, add);
        }
        else
        {
            Convolution<V>.DirectGradientWeight<RoundedFormat<V>>(shape, input, default, gradOutput, gradWeight, gradBias, add);
        }
    }

    private static bool Pairs<V>(bool portable) => !portable && typeof(V) == typeof(V512) && Hardware.MultipliesBFloat16;

    /// <summary>Forward and all gradients of one shape, replacing and adding.</summary>
    private static void Check<V>(bool portable, Random random, ConvolutionShape shape, bool add)
        where V : unmanaged, IVector<V>
    {
        string name = $"n{shape.Batch} {shape.Height}x{shape.Width} {shape.InputChannels}->{shape.OutputChannels} k{shape.KernelHeight}x{shape.KernelWidth} s{shape.StrideY},{shape.StrideX} "
            + $"p{shape.PadTop},{shape.PadBottom},{shape.PadLeft},{shape.PadRight} d{shape.DilationY},{shape.DilationX} add {add}";
        nint outputs = shape.OutputPixels * shape.OutputChannels;
        using var input = TestMemory.Random(shape.InputPixels * shape.InputChannels, random);
        using var weight = TestMemory.Random(shape.Depth * shape.OutputChannels, random);
        using var gradOutput = TestMemory.Random(outputs, random);
        using var output = new TestMemory(outputs);
        using TestMemory gradInput = add ? TestMemory.Random(input.Count, random) : new TestMemory(input.Count);
        using TestMemory gradWeight = add ? TestMemory.Random(weight.Count, random) : new TestMemory(weight.Count);
        using TestMemory gradBias = add ? TestMemory.Random(shape.OutputChannels, random) : new TestMemory(shape.OutputChannels);
        var expectedOutput = new ConvolutionTests.Sums(new float[outputs], "output");
        var expectedInput = new ConvolutionTests.Sums(add ? gradInput.Span.ToArray() : new float[input.Count], "gradient of input");
        var expectedWeight = new ConvolutionTests.Sums(add ? gradWeight.Span.ToArray() : new float[weight.Count], "gradient of weight");
        var expectedBias = new ConvolutionTests.Sums(add ? gradBias.Span.ToArray() : new float[shape.OutputChannels], "gradient of bias");
        double[] images = [.. input.Span.ToArray().Select(BFloat16.Round)];
        double[] weights = [.. weight.Span.ToArray().Select(BFloat16.Round)];
        double[] gradients = [.. gradOutput.Span.ToArray().Select(BFloat16.Round)];
        foreach ((int x, int w, int y) in ConvolutionTests.Terms(shape))
        {
            expectedOutput.Add(y, images[x], weights[w]);
            expectedInput.Add(x, gradients[y], weights[w]);
            expectedWeight.Add(w, images[x], gradients[y]);
        }

        for (int i = 0; i < outputs; i++)
        {
            expectedBias.Add(i % (int)shape.OutputChannels, gradOutput[i], 1);
        }

        Forward<V, NoEpilogue>(portable, shape, input.Floats, weight.Floats, output.Floats, default);
        expectedOutput.Compare(output, name, 1e-6);
        GradientInput<V, NoEpilogue>(portable, shape, gradOutput.Floats, weight.Floats, gradInput.Floats, add, default);
        expectedInput.Compare(gradInput, name, 1e-6);
        GradientWeight<V>(portable, shape, input.Floats, gradOutput.Floats, gradWeight.Floats, gradBias.Floats, add);
        expectedWeight.Compare(gradWeight, name, 1e-6);
        expectedBias.Compare(gradBias, name, 1e-6);
        if (!add)
        {
            gradWeight.Span.Fill(float.NaN);
            GradientWeight<V>(portable, shape, input.Floats, gradOutput.Floats, gradWeight.Floats, default, add);
            expectedWeight.Compare(gradWeight, name, 1e-6);
        }
    }

    private sealed class Shapes(bool portable) : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(4);
            for (int i = 0; i < 150; i++)
            {
                nint Size(int largest) => 1 + random.Next(random.Next(1, largest));
                var shape = new ConvolutionShape(random.Next(20) == 0 ? 0 : Size(4), Size(14), Size(20), Size(24), Size(40), Size(5), Size(5))
                {
                    StrideY = Size(4),
                    StrideX = Size(4),
                    PadTop = random.Next(4),
                    PadBottom = random.Next(4) - 1,
                    PadLeft = random.Next(4),
                    PadRight = random.Next(4) - 1,
                    DilationY = Size(3),
                    DilationX = Size(3),
                };
                Check<V>(portable, random, shape, i % 3 == 0);
            }
        }
    }

    private sealed class Models(bool portable) : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(5);
            Check<V>(portable, random, new ConvolutionShape(2, 19, 17, 3, 20, 7, 7) { StrideY = 2, StrideX = 2, PadTop = 3, PadBottom = 3, PadLeft = 3, PadRight = 3 }, false);
            Check<V>(portable, random, new ConvolutionShape(3, 4, 4, 48, 70, 3, 3) { PadTop = 1, PadBottom = 1, PadLeft = 1, PadRight = 1 }, false);
            Check<V>(portable, random, new ConvolutionShape(1, 3, 5, 300, 24, 3, 3) { PadTop = 1, PadBottom = 1, PadLeft = 1, PadRight = 1 }, false);
            Check<V>(portable, random, new ConvolutionShape(1, 2, 13, 1301, 3, 1, 1), true);
            Check<V>(portable, random, new ConvolutionShape(1, 5, 13, 2048, 3, 1, 1), true);
            Check<V>(portable, random, new ConvolutionShape(1, 7, 7, 17, 520, 1, 1) { StrideY = 2, StrideX = 2 }, false);
            Check<V>(portable, random, new ConvolutionShape(2, 26, 26, 1, 32, 3, 3), false);
            Check<V>(portable, random, new ConvolutionShape(3, 28, 29, 6, 16, 3, 3), false);
            Check<V>(portable, random, new ConvolutionShape(1, 70, 60, 3, 7, 3, 3) { PadLeft = 1 }, false);
            Check<V>(portable, random, new ConvolutionShape(2, 1, 300, 5, 16, 1, 9) { PadLeft = 8 }, false);
            Check<V>(portable, random, new ConvolutionShape(2, 30, 1, 16, 5, 3, 1) { PadTop = 1, PadBottom = 1, DilationY = 2 }, false);
            Check<V>(portable, random, ConvolutionShape.Transposed(2, 5, 6, 20, 9, 3, 3, 2, 2, 1, 1, 1, 1), false);
            Check<V>(portable, random, ConvolutionShape.Transposed(2, 5, 6, 6, 9, 2, 2, 2, 2), true);
        }
    }

    private sealed class Channels(bool portable) : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(6);
            for (nint channels = 1; channels <= 70; channels++)
            {
                Check<V>(portable, random, new ConvolutionShape(1, 4, 13, channels, 5, 1, 3) { PadLeft = 1, PadRight = 1 }, false);
                Check<V>(portable, random, new ConvolutionShape(1, 4, 5, 3, channels, 3, 2) { PadTop = 1 }, true);
                Check<V>(portable, random, new ConvolutionShape(1, 3, 4, channels, channels, 1, 1), true);
            }
        }
    }

    private sealed class Epilogues(bool portable) : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(11);
            var shape = new ConvolutionShape(2, 9, 13, 6, 37, 3, 3) { PadTop = 1, PadLeft = 1, StrideX = 2 };
            using var input = TestMemory.Random(shape.InputPixels * shape.InputChannels, random);
            using var weight = TestMemory.Random(shape.Depth * shape.OutputChannels, random);
            using var gradOutput = TestMemory.Random(shape.OutputPixels * shape.OutputChannels, random);
            using var bias = TestMemory.Random(37, random);
            using var plain = new TestMemory(gradOutput.Count);
            using var changed = new TestMemory(gradOutput.Count);
            using var plainInput = new TestMemory(input.Count);
            using var changedInput = new TestMemory(input.Count);
            Forward<V, NoEpilogue>(portable, shape, input.Floats, weight.Floats, plain.Floats, default);
            Forward<V, BiasEpilogue<V>>(portable, shape, input.Floats, weight.Floats, changed.Floats, new BiasEpilogue<V>(bias.Floats));
            GradientInput<V, NoEpilogue>(portable, shape, gradOutput.Floats, weight.Floats, plainInput.Floats, false, default);
            GradientInput<V, BiasEpilogue<V>>(portable, shape, gradOutput.Floats, weight.Floats, changedInput.Floats, false, new BiasEpilogue<V>(bias.Floats));
            for (int i = 0; i < plain.Count; i++)
            {
                Assert.Equal(plain[i] + bias[i % 37], changed[i]);
            }

            for (int i = 0; i < plainInput.Count; i++)
            {
                Assert.Equal(plainInput[i] + bias[i % 6], changedInput[i]);
            }
        }
    }

    private sealed class SpecialNumbers(bool portable) : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(12);
            var shape = new ConvolutionShape(1, 6, 20, 20, 20, 3, 3) { PadTop = 1, PadBottom = 1, PadLeft = 1, PadRight = 1 };
            using var input = TestMemory.Random(shape.InputPixels * shape.InputChannels, random);
            using var weight = TestMemory.Random(shape.Depth * shape.OutputChannels, random);
            using var output = new TestMemory(shape.OutputPixels * shape.OutputChannels);
            int nan = ((2 * 20) + 7) * 20;
            int infinity = ((5 * 20) + 19) * 20;
            input.Span[nan] = float.NaN;
            input.Span[infinity] = float.PositiveInfinity;
            HashSet<int> sees = [.. ConvolutionTests.Terms(shape).Where(term => term.Input == nan || term.Input == infinity).Select(static term => term.Output)];
            Forward<V, NoEpilogue>(portable, shape, input.Floats, weight.Floats, output.Floats, default);
            for (int i = 0; i < output.Count; i++)
            {
                Assert.True(sees.Contains(i) ? i / 400 <= 3 ? float.IsNaN(output[i]) : float.IsInfinity(output[i]) : float.IsFinite(output[i]), $"[{i}] is {output[i]}");
            }
        }
    }

    private sealed class Repeated(bool portable) : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(13);
            var shape = new ConvolutionShape(4, 10, 12, 33, 64, 3, 3) { PadTop = 1, PadBottom = 1, PadLeft = 1, PadRight = 1 };
            using var input = TestMemory.Random(shape.InputPixels * shape.InputChannels, random);
            using var weight = TestMemory.Random(shape.Depth * shape.OutputChannels, random);
            using var gradOutput = TestMemory.Random(shape.OutputPixels * shape.OutputChannels, random);
            using var results = new TestMemory(gradOutput.Count + input.Count + weight.Count + shape.OutputChannels);
            float[]? first = null;
            for (int i = 0; i < 10; i++)
            {
                Floats gradInput = results.Floats + (nint)gradOutput.Count;
                Floats gradWeight = gradInput + (nint)input.Count;
                Forward<V, NoEpilogue>(portable, shape, input.Floats, weight.Floats, results.Floats, default);
                GradientInput<V, NoEpilogue>(portable, shape, gradOutput.Floats, weight.Floats, gradInput, false, default);
                GradientWeight<V>(portable, shape, input.Floats, gradOutput.Floats, gradWeight, gradWeight + (nint)weight.Count, false);
                first ??= results.Span.ToArray();
                Assert.True(results.Span.SequenceEqual(first));
            }
        }
    }

    private sealed class Choice : Widths.IBody
    {
        public void Run<V>()
            where V : unmanaged, IVector<V>
        {
            var random = new Random(14);
            ConvolutionShape[] floats = [new(3, 8, 8, 8, 12, 3, 3) { Groups = 4 }, new(2, 9, 9, 6, 6, 3, 3) { Groups = 6 }, new(2, 28, 28, 1, 5, 3, 3)];
            foreach (ConvolutionShape shape in floats)
            {
                Assert.Equal(0, Difference<V>(random, shape, inFloats: true));
            }

            ConvolutionShape[] pairs = [new(2, 9, 9, 6, 6, 1, 1), new(2, 12, 12, 16, 33, 3, 3) { StrideX = 2 }];
            foreach (ConvolutionShape shape in pairs)
            {
                Assert.Equal(0, Difference<V>(random, shape, inFloats: false));
            }
        }

        /// <summary>Largest difference of what is chosen and what is expected to be.</summary>
        private static float Difference<V>(Random random, in ConvolutionShape shape, bool inFloats)
            where V : unmanaged, IVector<V>
        {
            using var input = TestMemory.Random(shape.InputPixels * shape.InputChannels, random);
            using var weight = TestMemory.Random(shape.Depth * shape.OutputChannels, random);
            using var gradient = TestMemory.Random(shape.OutputPixels * shape.OutputChannels, random);
            using var actual = new TestMemory(gradient.Count);
            using var expected = new TestMemory(gradient.Count);
            using var actualWeight = new TestMemory(weight.Count);
            using var expectedWeight = new TestMemory(weight.Count);
            ConvolutionBFloat16<V>.Forward(shape, input.Floats, weight.Floats, actual.Floats);
            float difference = 0;
            if (inFloats)
            {
                Convolution<V>.Forward(shape, input.Floats, weight.Floats, expected.Floats);
                return Largest(actual, expected);
            }

            Forward<V, NoEpilogue>(false, shape, input.Floats, weight.Floats, expected.Floats, default);
            difference = Largest(actual, expected);
            ConvolutionBFloat16<V>.GradientWeight(shape, input.Floats, gradient.Floats, actualWeight.Floats, false);
            GradientWeight<V>(false, shape, input.Floats, gradient.Floats, expectedWeight.Floats, default, false);
            difference = Math.Max(difference, Largest(actualWeight, expectedWeight));
            using var actualInput = new TestMemory(input.Count);
            using var expectedInput = new TestMemory(input.Count);
            ConvolutionBFloat16<V>.GradientInput(shape, gradient.Floats, weight.Floats, actualInput.Floats, false);
            GradientInput<V, NoEpilogue>(false, shape, gradient.Floats, weight.Floats, expectedInput.Floats, false, default);
            return Math.Max(difference, Largest(actualInput, expectedInput));
        }

        private static float Largest(TestMemory a, TestMemory b) => a.Span.ToArray().Zip(b.Span.ToArray(), static (x, y) => Math.Abs(x - y)).Max();
    }
}
