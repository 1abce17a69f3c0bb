using ModelGen.Data;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ModelGen.Runtime.Tests.Data;

public sealed class ImageTransformTests
{
    [Theory]
    [InlineData(37, 53, 16, 20, false)]
    [InlineData(37, 53, 16, 20, true)]
    [InlineData(20, 31, 45, 77, false)]
    [InlineData(20, 31, 45, 77, true)]
    [InlineData(224, 300, 7, 299, false)]
    [InlineData(64, 64, 64, 9, true)]
    public void Resize_Antialiased_IsTorchsInterpolationOfBytes_UpToRounding(int height, int width, int newHeight, int newWidth, bool cubic)
    {
        Image image = Noise(width, height);
        using Tensor before = ToTensor(image);
        Tensor Interpolated(ScalarType type) => functional.interpolate(before.to_type(type).unsqueeze(0), [newHeight, newWidth], mode: cubic ? InterpolationMode.Bicubic : InterpolationMode.Bilinear, align_corners: false, antialias: true).squeeze(0).to_type(ScalarType.Float32);
        new Resize(newHeight, newWidth, cubic ? Interpolation.Bicubic : Interpolation.Bilinear).Apply(image, new RandomStream(0));
        using Tensor got = ToTensor(image);
        Assert.Equal([3L, newHeight, newWidth], got.shape);

        // Bytes are rounded and limited to 0 to 255 between the passes there too. What rounds the other way in the first pass, by at most one, counts for up to 1.25 times as much in the second
        // one, as the cubic filter has negative lobes.
        using Tensor error = (got - Interpolated(ScalarType.Byte)).abs();
        Assert.InRange(error.max().item<float>(), 0, cubic ? 2 : 1);
        Assert.InRange(error.mean().item<float>(), 0, 0.05f);

        // Float values are not limited, which matters where the cubic filter goes beyond them.
        if (!cubic)
        {
            using Tensor unrounded = (got - Interpolated(ScalarType.Float32)).abs();
            Assert.InRange(unrounded.max().item<float>(), 0, 1.01f);
            Assert.InRange(unrounded.mean().item<float>(), 0, 0.4f);
        }
    }

    [Theory]
    [InlineData(20, 31, 45, 77)]
    [InlineData(37, 53, 16, 20)]
    public void Resize_NotAntialiased_IsTorchsInterpolation_UpToRounding(int height, int width, int newHeight, int newWidth)
    {
        Image image = Noise(width, height);
        using Tensor before = ToTensor(image);
        using Tensor expected = functional.interpolate(before.unsqueeze(0), [newHeight, newWidth], mode: InterpolationMode.Bilinear, align_corners: false).squeeze(0);
        new Resize(newHeight, newWidth, antialias: false).Apply(image, new RandomStream(0));
        using Tensor got = ToTensor(image);
        Assert.InRange((got - expected).abs().max().item<float>(), 0, 1.01f);
    }

    [Theory]
    [InlineData(100, 50, 20, 40, 20)]
    [InlineData(50, 101, 20, 20, 40)]
    public void Resize_OfTheShorterSide_KeepsProportions(int width, int height, int size, int newWidth, int newHeight)
    {
        Image image = Noise(width, height);
        new Resize(size).Apply(image, new RandomStream(0));
        Assert.Equal((newWidth, newHeight), (image.Width, image.Height));
    }

    [Fact]
    public void RandomResizedCrop_IsTheResizedPart_AndItsAreasAreUniform()
    {
        var crop = new RandomResizedCrop(32);
        Image image = Noise(120, 90);
        using Tensor before = ToTensor(image);
        (int left, int top, int width, int height) = crop.Choose(120, 90, new RandomStream(7));
        using Tensor expected = functional.interpolate(before[.., top..(top + height), left..(left + width)].unsqueeze(0), [32, 32], mode: InterpolationMode.Bilinear, align_corners: false, antialias: true).squeeze(0);
        crop.Apply(image, new RandomStream(7));
        using Tensor got = ToTensor(image);
        Assert.InRange((got - expected).abs().max().item<float>(), 0, 1.01f);

        // Where every crop fits, shares of the area are uniform between the limits and log ratios around 0.
        var small = new RandomResizedCrop(32, scale: (0.1, 0.3));
        (double Area, double Ratio)[] drawn = [.. Enumerable.Range(0, 20_000).Select(seed =>
        {
            (int x, int y, int w, int h) = small.Choose(1000, 1000, RandomStream.At(seed));
            Assert.True(x >= 0 && y >= 0 && x + w <= 1000 && y + h <= 1000);
            return (w * h / 1e6, Math.Log((double)w / h));
        })];
        Assert.InRange(drawn.Average(static value => value.Area), 0.197, 0.203);
        Assert.InRange(drawn.Average(static value => value.Ratio), -0.007, 0.007);
        Assert.InRange(drawn.Min(static value => value.Area), 0.099, 0.102);
        Assert.InRange(drawn.Max(static value => value.Ratio), 0.28, 0.292);

        // No allowed part of 10 x 1000 has proportions of 1: the middle.
        Assert.Equal((0, 495, 10, 10), new RandomResizedCrop(8, (0.9, 1), (1, 1)).Choose(10, 1000, new RandomStream(0)));
    }

    [Fact]
    public void Crops_TakeTheRightPart()
    {
        Image image = Numbered(5, 4);
        new CenterCrop(2, 3).Apply(image, new RandomStream(0));
        Assert.Equal([6, 7, 8, 11, 12, 13], Reds(image));

        image = Numbered(2, 1);
        new CenterCrop(3).Apply(image, new RandomStream(0));
        Assert.Equal([0, 0, 0, 0, 1, 0, 0, 0, 0], Reds(image));

        var seen = new HashSet<int>();
        for (int seed = 0; seed < 200; seed++)
        {
            image = Numbered(5, 4);
            new RandomCrop(3).Apply(image, RandomStream.At(seed));
            int[] reds = Reds(image);
            Assert.Equal(reds[0] + 12, reds[8]);
            seen.Add(reds[0]);
        }

        Assert.Equal([0, 1, 2, 5, 6, 7], seen.Order());
        Assert.Throws<InvalidOperationException>(() => new RandomCrop(6).Apply(Numbered(5, 4), new RandomStream(0)));
        image = Numbered(5, 4);
        new RandomCrop(6, padIfNeeded: true).Apply(image, new RandomStream(0));
        Assert.Equal((6, 6), (image.Width, image.Height));
    }

    // Values as numpy.pad gives them for arange(3) + 1 on both sides.
    [Theory]
    [InlineData(PaddingMode.Constant, new[] { 9, 9, 9, 9, 1, 2, 3, 9, 9, 9, 9 })]
    [InlineData(PaddingMode.Edge, new[] { 1, 1, 1, 1, 1, 2, 3, 3, 3, 3, 3 })]
    [InlineData(PaddingMode.Reflect, new[] { 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3 })]
    [InlineData(PaddingMode.Symmetric, new[] { 3, 3, 2, 1, 1, 2, 3, 3, 2, 1, 1 })]
    public void Pad_FillsTheBorder(PaddingMode mode, int[] expected)
    {
        var image = new Image();
        image.SetGrey([1, 2, 3], 3, 1);
        new Pad(4, mode, fill: 9).Apply(image, new RandomStream(0));
        Assert.Equal(expected, Reds(image)[44..55]);
        Assert.Equal(9, image.Height);
    }

    [Fact]
    public void Flips_MirrorWithTheirProbability()
    {
        Image image = Numbered(3, 2);
        new RandomHorizontalFlip(1).Apply(image, new RandomStream(0));
        Assert.Equal([2, 1, 0, 5, 4, 3], Reds(image));
        new RandomVerticalFlip(1).Apply(image, new RandomStream(0));
        Assert.Equal([5, 4, 3, 2, 1, 0], Reds(image));
        int flipped = Enumerable.Range(0, 4000).Count(seed =>
        {
            Image small = Numbered(2, 1);
            new RandomHorizontalFlip(0.3).Apply(small, RandomStream.At(seed));
            return Reds(small)[0] == 1;
        });
        Assert.InRange(flipped, 1055, 1345);
    }

    [Fact]
    public void Rotation_ByAQuarterTurn_IsCounterClockwise_AndExpands()
    {
        Image image = Numbered(3, 2);
        new RandomRotation((90, 90), expand: true).Apply(image, new RandomStream(0));
        Assert.Equal((2, 3), (image.Width, image.Height));
        Assert.Equal([2, 5, 1, 4, 0, 3], Reds(image));
    }

    [Theory]
    [InlineData(Interpolation.Nearest)]
    [InlineData(Interpolation.Bilinear)]
    public void Affine_IsTorchsGridSample_UpToRounding(Interpolation interpolation)
    {
        Image image = Noise(41, 30);
        using Tensor before = ToTensor(image);
        var transform = new RandomAffine(30, (0.2, 0.1), (0.7, 1.4), shear: 20, interpolation: interpolation);
        transform.Apply(image, new RandomStream(5));
        using Tensor got = ToTensor(image);

        // The same draws, and torchvision's matrices in float64.
        var random = new RandomStream(5);
        double angle = random.Uniform(-30, 30) * Math.PI / 180;
        double tx = Math.Round(random.Uniform(-0.2, 0.2) * 41);
        double ty = Math.Round(random.Uniform(-0.1, 0.1) * 30);
        double scale = random.Uniform(0.7, 1.4);
        double shear = random.Uniform(-20, 20) * Math.PI / 180;
        using Tensor forward = tensor(new[,]
        {
            { scale * Math.Cos(angle), scale * ((-Math.Cos(angle) * Math.Tan(shear)) - Math.Sin(angle)), tx },
            { scale * Math.Sin(angle), scale * ((-Math.Sin(angle) * Math.Tan(shear)) + Math.Cos(angle)), ty },
            { 0, 0, 1 },
        });
        using Tensor inverse = linalg.inv(forward);
        double[] m = inverse.data<double>().ToArray();
        using Tensor theta = tensor(new[, ,] { { { m[0], m[1] * 30 / 41, m[2] * 2 / 41 }, { m[3] * 41 / 30, m[4], m[5] * 2 / 30 } } });
        using Tensor grid = functional.affine_grid(theta, [1, 3, 30, 41], align_corners: false);
        using Tensor expected = functional.grid_sample(before.unsqueeze(0).to_type(ScalarType.Float64), grid, interpolation == Interpolation.Nearest ? GridSampleMode.Nearest : GridSampleMode.Bilinear, GridSamplePaddingMode.Zeros, align_corners: false).squeeze(0);
        Assert.InRange((got - expected).abs().max().item<double>(), 0, 0.51);
    }

    [Fact]
    public void ToTensorAndNormalize_AreExact_ForAnySize_TogetherOrApart()
    {
        foreach (int width in new[] { 1, 15, 16, 17, 70 })
        {
            Image image = Noise(width, 3);
            byte[] pixels = image.Pixels.ToArray();
            var normalize = new Normalize([0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]);
            new Compose(new ToTensor(), normalize).Apply(image, new RandomStream(0));
            float[] together = image.Values.ToArray();
            Image apart = Noise(width, 3);
            new ToTensor().Apply(apart, new RandomStream(0));
            normalize.Apply(apart, new RandomStream(0));
            for (int at = 0; at < together.Length; at++)
            {
                int channel = at / (3 * width);
                double mean = new[] { 0.485, 0.456, 0.406 }[channel];
                double deviation = new[] { 0.229, 0.224, 0.225 }[channel];
                double expected = ((pixels[(4 * (at % (3 * width))) + channel] / 255.0) - mean) / deviation;
                Assert.Equal(expected, together[at], 2e-6);
                Assert.Equal(expected, apart.Values[at], 2e-6);
            }
        }

        Assert.Throws<InvalidOperationException>(() => new Normalize([0], [1]).Apply(Noise(2, 2), new RandomStream(0)));
        Assert.Throws<InvalidOperationException>(() => new Compose(new ToTensor(), new Resize(2)).Apply(Noise(3, 3), new RandomStream(0)));
        Assert.Throws<ArgumentException>(() => new Normalize([0], [0]));
    }

    // torchvision's formulas for uint8, by hand: grey of (200, 100, 50) is floor(124.18) = 124.
    [Theory]
    [InlineData("brightness 1.5", 255, 150, 75)]
    [InlineData("brightness 0.33", 66, 33, 16)]
    [InlineData("saturation 0.5", 162, 112, 87)]
    [InlineData("saturation 2", 255, 76, 0)]
    [InlineData("contrast 0.5", 162, 112, 87)]
    [InlineData("hue 0.333333333", 50, 200, 100)]
    [InlineData("hue -0.333333333", 100, 50, 200)]
    [InlineData("grey", 124, 124, 124)]
    [InlineData("posterize 2", 192, 64, 0)]
    [InlineData("solarize 100", 55, 155, 50)]
    public void Colours_ChangeAsTorchvisionsFormulas(string change, int red, int green, int blue)
    {
        var image = new Image();
        image.SetPlanes([200, 100, 50], 1, 1);
        string[] words = change.Split(' ');
        double amount = words.Length > 1 ? double.Parse(words[1], System.Globalization.CultureInfo.InvariantCulture) : 0;
        switch (words[0])
        {
            case "brightness":
                Colors.Brightness(image, amount);
                break;
            case "saturation":
                Colors.Saturation(image, amount);
                break;
            case "contrast":
                Colors.Contrast(image, amount);
                break;
            case "hue":
                Colors.Hue(image, amount);
                break;
            case "posterize":
                Colors.Posterize(image, (int)amount);
                break;
            case "solarize":
                Colors.Solarize(image, amount);
                break;
            default:
                new Grayscale(3).Apply(image, new RandomStream(0));
                break;
        }

        Assert.Equal([red, green, blue], image.Pixels[..3].ToArray().Select(static value => (int)value));
    }

    [Fact]
    public void AutoContrast_Equalize_AndSharpness_OnKnownValues()
    {
        Image Grey(params byte[] values)
        {
            var image = new Image();
            image.SetGrey(values, values.Length, 1);
            return image;
        }

        Image image = Grey(100, 150, 200);
        Colors.AutoContrast(image);
        Assert.Equal([0, 127, 255], Reds(image));
        image = Grey(7, 7);
        Colors.AutoContrast(image);
        Assert.Equal([7, 7], Reds(image));

        // 1020 pixels of two values: step (1020 - 510) / 255 = 2, so the first maps to 1 / 2 = 0 and the second to (1 + 510) / 2 = 255.
        image = Grey([.. Enumerable.Repeat((byte)90, 510), .. Enumerable.Repeat((byte)100, 510)]);
        Colors.Equalize(image);
        Assert.All(Reds(image)[..510], static value => Assert.Equal(0, value));
        Assert.All(Reds(image)[510..], static value => Assert.Equal(255, value));

        // The middle of nine: smoothed (5 * 130 + 8 * 0) / 13 = 50; with factor 2 it is 2 * 130 - 50.
        image = new Image();
        image.SetGrey([0, 0, 0, 0, 130, 0, 0, 0, 0], 3, 3);
        Colors.Sharpness(image, 2);
        Assert.Equal([0, 0, 0, 0, 210, 0, 0, 0, 0], Reds(image));
        Colors.Sharpness(image, 0);
        Assert.Equal(81, Reds(image)[4]);
    }

    [Fact]
    public void ColorJitter_WithNothing_ChangesNothing_AndFactorsStayInRange()
    {
        Image image = Noise(9, 9);
        byte[] before = image.Pixels.ToArray();
        new ColorJitter().Apply(image, new RandomStream(1));
        Assert.Equal(before, image.Pixels.ToArray());
        double[] factors = [.. Enumerable.Range(0, 2000).Select(static seed =>
        {
            var grey = new Image();
            grey.SetGrey([100], 1, 1);
            new ColorJitter(brightness: 0.4).Apply(grey, RandomStream.At(seed));
            return grey.Pixels[0] / 100.0;
        })];
        Assert.InRange(factors.Min(), 0.6 - 0.01, 0.61);
        Assert.InRange(factors.Max(), 1.385, 1.4);
        Assert.InRange(factors.Average(), 0.97, 1.02);
    }

    [Fact]
    public void RandomErasing_OverwritesARectangleOfTheRightArea()
    {
        double[] shares = [.. Enumerable.Range(0, 500).Select(static seed =>
        {
            Image image = Noise(40, 30);
            new ToTensor().Apply(image, new RandomStream(0));
            image.Values.Fill(1);
            new RandomErasing(p: 1).Apply(image, RandomStream.At(seed));
            int[] erased = [.. Enumerable.Range(0, 1200).Where(at => image.Values[at] == 0)];
            int[] columns = [.. erased.Select(static at => at % 40).Distinct()];
            int[] rows = [.. erased.Select(static at => at / 40).Distinct()];
            Assert.Equal(erased.Length, columns.Length * rows.Length);
            Assert.Equal(3 * erased.Length, image.Values.ToArray().Count(static value => value == 0));
            return erased.Length / 1200.0;
        })];
        Assert.InRange(shares.Max(), 0.25, 0.35);
        Assert.InRange(shares.Average(), 0.15, 0.19);
        Image untouched = Noise(40, 30);
        new Compose(new ToTensor(), new RandomErasing(p: 0)).Apply(untouched, new RandomStream(0));
    }

    [Fact]
    public void RandAugment_IsDeterministic_AndEveryOperationWorks()
    {
        byte[] Run(int seed)
        {
            Image image = Noise(20, 16);
            new RandAugment().Apply(image, RandomStream.At(seed));
            return image.Pixels.ToArray();
        }

        Assert.Equal(Run(4), Run(4));
        Assert.True(Enumerable.Range(0, 20).Select(seed => Convert.ToHexString(Run(seed))).Distinct().Count() > 12);
        byte[] original = Noise(20, 16).Pixels.ToArray();
        for (int operation = 0; operation < 14; operation++)
        {
            Image image = Noise(20, 16);
            new RandAugment(magnitude: 15).Apply(image, operation, -1);
            Assert.Equal((20, 16), (image.Width, image.Height));

            // Identity changes nothing; neither does stretching noise that fills its range already.
            Assert.Equal(operation is 0 or 12, original.AsSpan().SequenceEqual(image.Pixels));
        }

        // A move of int(150 / 331 * 20 * 0.5) = 4 pixels to the right.
        Image moved = Numbered(20, 1);
        new RandAugment(magnitude: 15).Apply(moved, 3, 1);
        Assert.Equal([0, 0, 0, 0, 0, 1, 2, 3], Reds(moved)[..8]);
    }

    [Fact]
    public void MixUp_MixesNeighbours_AndTheirLabels()
    {
        TensorDataset data = TensorDataset.FromArrays([1, 10, 100], [1, 1, 1], [0, 1, 2]);
        using var loader = new DataLoader(data, new DataLoaderOptions { BatchSize = 3, Seed = 2, BatchTransforms = [new MixUp(4)] });
        Assert.Equal((ElementType.Float32, 4), (loader.Target.Type, loader.Target.Count));
        foreach (ModelGen.Data.Batch batch in loader.Batches())
        {
            float[] labels = batch.Target.data<float>().ToArray();
            float share = labels[0];
            Assert.InRange(share, 0.001f, 0.999f);
            float rest = 1 - share;
            float[] expectedLabels = [share, 0, rest, 0, rest, share, 0, 0, 0, rest, share, 0];
            float[] expected = [share + (100 * rest), (10 * share) + rest, (100 * share) + (10 * rest)];
            for (int i = 0; i < 12; i++)
            {
                Assert.Equal(expectedLabels[i], labels[i], 1e-6f);
            }

            float[] values = batch.Inputs[0].data<float>().ToArray();
            for (int i = 0; i < 3; i++)
            {
                Assert.Equal(expected[i], values[i], 1e-4f);
            }
        }
    }

    [Fact]
    public void CutMix_PastesARectangle_WhoseAreaIsTheShareOfTheLabel()
    {
        float[] values = [.. Enumerable.Range(0, 2).SelectMany(static image => Enumerable.Repeat((float)image, 3 * 8 * 10))];
        using var loader = new DataLoader(TensorDataset.FromArrays(values, [3, 8, 10], [0, 1]), new DataLoaderOptions { BatchSize = 2, Seed = 3, BatchTransforms = [new RandomChoice(new CutMix(2))] });
        double pasted = 0;
        foreach (ModelGen.Data.Batch batch in loader.Batches(epochs: 40))
        {
            float[] mixed = batch.Inputs[0].data<float>().ToArray();
            double share = mixed[..80].Average();
            Assert.Equal(share, mixed[80..240].Average(), 1e-6);
            Assert.Equal(share, 1 - mixed[240..].Average(), 1e-6);
            Assert.Equal(share, batch.Target.data<float>().ToArray()[1], 1e-6);
            pasted += share;
        }

        Assert.InRange(pasted, 5, 30);
        TensorDataset wrong = TensorDataset.FromArrays([1, 2], [1], [1, 2], [1]);
        Assert.Throws<ArgumentException>(() => new DataLoader(wrong, new DataLoaderOptions { BatchTransforms = [new MixUp(2)] }));
    }

    private static Image Noise(int width, int height)
    {
        var image = new Image();
        byte[] planes = new byte[3 * width * height];
        new Random(width).NextBytes(planes);

        // The whole range in every channel.
        for (int channel = 0; channel < 3 && width * height > 1; channel++)
        {
            (planes[channel * width * height], planes[(channel * width * height) + 1]) = (0, 255);
        }

        image.SetPlanes(planes, width, height);
        return image;
    }

    private static Image Numbered(int width, int height)
    {
        var image = new Image();
        image.SetGrey([.. Enumerable.Range(0, width * height).Select(static value => (byte)value)], width, height);
        return image;
    }

    private static int[] Reds(Image image) => [.. image.Pixels.ToArray().Where(static (_, at) => at % 4 == 0)];

    private static Tensor ToTensor(Image image)
    {
        byte[] pixels = image.Pixels.ToArray();
        using Tensor rows = tensor(Array.ConvertAll(pixels, static value => (float)value), [image.Height, image.Width, 4]);
        return rows.permute(2, 0, 1)[..3].contiguous();
    }
}
