using ModelGen.Data;
using SkiaSharp;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace ModelGen.Runtime.Tests.Data;

public sealed class ImageSourceTests(ITestOutputHelper output) : IDisposable
{
    private readonly DataFiles files = new();

    public void Dispose() => files.Dispose();

    [Fact]
    public void ImageFolder_ReadsEveryFormat_WithAClassPerFolder()
    {
        using SKBitmap picture = Picture();
        Write("cat/one.PNG", Encode(picture, SKEncodedImageFormat.Png, 100));
        Write("cat/deeper/two.webp", Encode(picture, SKEncodedImageFormat.Webp, 100));
        Write("cat/notes.txt", [1]);
        Write("dog/three.jpg", Encode(picture, SKEncodedImageFormat.Jpeg, 100));
        Write("dog/four.bmp", Bmp(picture));
        Write("LICENSE.txt", [1]);
        ImageFolder data = ImageFolder.Open(files.Folder);
        Assert.Equal(["cat", "dog"], data.Classes);
        Assert.Equal(["two.webp", "one.PNG", "four.bmp", "three.jpg"], Enumerable.Range(0, data.Count).Select(index => Path.GetFileName(data.File(index))));
        (Tensor[] inputs, Tensor target) = data.ToTensors(0, 4);
        Assert.Equal([0L, 0, 1, 1], target.data<long>().ToArray());
        Assert.Equal([4L, 3, 4, 8], inputs[0].shape);
        for (int image = 0; image < 4; image++)
        {
            // PNG and BMP keep every byte; JPEG and WebP lose some.
            float tolerance = image is 1 or 2 ? 1e-6f : 0.06f;
            for (int at = 0; at < 32; at++)
            {
                SKColor color = picture.GetPixel(at % 8, at / 8);
                byte[] expected = [color.Red, color.Green, color.Blue];
                for (int channel = 0; channel < 3; channel++)
                {
                    Assert.Equal(expected[channel] / 255f, inputs[0][image, channel, at / 8, at % 8].item<float>(), tolerance);
                }
            }
        }
    }

    [Fact]
    public void MalformedImages_AreRefusedByName_AndMayBeSkipped()
    {
        using SKBitmap picture = Picture();
        byte[] png = Encode(picture, SKEncodedImageFormat.Png, 100);
        Write("a/0.png", []);
        Write("a/1.png", png);
        using var noise = new SKBitmap(64, 64, SKColorType.Rgba8888, SKAlphaType.Opaque);
        for (int at = 0; at < 4096; at++)
        {
            noise.SetPixel(at % 64, at / 64, new SKColor((uint)(at * 2654435761L) | 0xFF000000));
        }

        byte[] large = Encode(noise, SKEncodedImageFormat.Png, 100);
        Write("a/2.png", large[..(large.Length / 2)]);
        Write("a/3.jpg", "no image at all, but a text that is long enough to look at"u8.ToArray());
        Write("a/4.png", png);
        ImageFolder data = ImageFolder.Open(files.Folder);
        DataFiles.AssertRefused(() => Read(data, 0), data.File(0), "empty");
        DataFiles.AssertRefused(() => Read(data, 2), data.File(2), "truncated");
        DataFiles.AssertRefused(() => Read(data, 3), data.File(3), "no image that can be decoded");
        File.Delete(data.File(4));
        DataFiles.AssertRefused(() => Read(data, 4), data.File(4), "no such file");

        using var stop = new DataLoader(data, new DataLoaderOptions { BatchSize = 5, Workers = 2 });
        Assert.Contains(data.File(0), Assert.Throws<DataLoadException>(() => stop.Batches().Count()).Message, StringComparison.Ordinal);
        using var skip = new DataLoader(data, new DataLoaderOptions { BatchSize = 5, Workers = 2, OnError = SampleErrors.Skip });
        Assert.Equal([1], skip.Batches().Select(static batch => batch.Count));
        Assert.Equal([0L, 2, 3, 4], skip.SkipReport.Select(static fault => fault.Sample));
    }

    [Fact]
    public void ImagesOfDifferentSize_NeedATransform()
    {
        using SKBitmap picture = Picture();
        using SKBitmap other = new(5, 5);
        Write("a/1.png", Encode(picture, SKEncodedImageFormat.Png, 100));
        Write("a/2.png", Encode(other, SKEncodedImageFormat.Png, 100));
        ImageFolder data = ImageFolder.Open(files.Folder);
        Assert.Contains("the image became 3 x 5 x 5, but others 3 x 4 x 8", Assert.Throws<InvalidOperationException>(() => Read(data, 1)).Message, StringComparison.Ordinal);
        Assert.Equal([2L, 1, 3, 3], data.With(new Compose(new Grayscale(), new Resize(3), new CenterCrop(3), new ToTensor())).ToTensors(0, 2).Inputs[0].shape);
        Assert.Contains("ToTensor", Assert.Throws<InvalidOperationException>(() => Read(data.With(new Resize(3)), 0)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FoldersWithoutImages_AreRefused()
    {
        DataFiles.AssertRefused(() => ImageFolder.Open(files.Folder), files.Folder, "no folder of images");
        Directory.CreateDirectory(files.PathOf("a"));
        DataFiles.AssertRefused(() => ImageFolder.Open(files.Folder), files.PathOf("a"), "holds no image");
        DataFiles.AssertRefused(() => ImageFolder.Open(files.PathOf("no")), files.PathOf("no"), "no such folder");
    }

    [Fact]
    public void Cifar10_ReadsRecords()
    {
        byte[] first = [3, .. Enumerable.Range(0, 3072).Select(static value => (byte)(value % 251))];
        byte[] second = [9, .. new byte[3072]];
        string path = files.Write("data_batch_1.bin", [.. first, .. second]);
        ImageArrays data = Cifar10.Load([path, path]);
        Assert.Equal((4, "cat"), (data.Count, data.Classes[(int)data.Label(2)]));
        (Tensor[] inputs, Tensor target) = data.ToTensors(0, 4);
        Assert.Equal([3L, 9, 3, 9], target.data<long>().ToArray());
        float[] values = inputs[0].data<float>().ToArray();
        for (int i = 0; i < 3072; i++)
        {
            Assert.Equal(first[1 + i] / 255f, values[i], 1e-6f);
        }

        path = files.Write("cut.bin", first[..100]);
        DataFiles.AssertRefused(() => Cifar10.Load([path]), path, "truncated: record 0 has 100 of 3073 bytes");
        path = files.Write("other.bin", [.. first, 10, .. new byte[3072]]);
        DataFiles.AssertRefused(() => Cifar10.Load([path]), path, "label 10 of record 1");
        path = files.Write("empty.bin", []);
        DataFiles.AssertRefused(() => Cifar10.Load([path]), path, "empty");
        DataFiles.AssertRefused(() => Cifar10.Load(files.PathOf("no")), files.PathOf("no/data_batch_1.bin"), "no such file");
    }

    [Fact]
    public void RealPhotographs_LoadTheSameWithAnyNumberOfWorkers()
    {
        DirectoryInfo? root = new(AppContext.BaseDirectory);
        while (root is not null && !Directory.Exists(Path.Combine(root.FullName, "shared", "data", "flowers")))
        {
            root = root.Parent;
        }

        if (root is null)
        {
            output.WriteLine("Not run: ../shared/data/flowers is not beside the repository.");
            return;
        }

        ImageFolder data = ImageFolder.Open(
            Path.Combine(root.FullName, "shared", "data", "flowers"),
            new Compose(new RandomResizedCrop(64), new RandomHorizontalFlip(), new RandAugment(), new ToTensor(), new Normalize([0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]), new RandomErasing()));
        Assert.Equal((5, 200), (data.Classes.Count, data.Count));
        Dataset part = data.Select([.. Enumerable.Range(0, 40).Select(static index => index * 5)]);
        double[] Sums(int workers)
        {
            using var loader = new DataLoader(part, new DataLoaderOptions { BatchSize = 8, Shuffle = true, Workers = workers });
            return [.. loader.Batches(3).Select(static batch => batch.Inputs[0].to_type(ScalarType.Float64).sum().item<double>())];
        }

        Assert.Equal(Sums(0), Sums(3));
    }

    private static void Read(Dataset data, int index) => data.Read([index], [new byte[data.Inputs[0].Bytes]], new byte[8]);

    private static SKBitmap Picture()
    {
        var picture = new SKBitmap(8, 4, SKColorType.Rgba8888, SKAlphaType.Opaque);
        for (int at = 0; at < 32; at++)
        {
            // Smooth, because JPEG and WebP store colours at half the resolution.
            picture.SetPixel(at % 8, at / 8, new SKColor((byte)(100 + (at % 8 * 4)), (byte)(150 - (at / 8 * 3)), (byte)(60 + at)));
        }

        return picture;
    }

    private static byte[] Encode(SKBitmap picture, SKEncodedImageFormat format, int quality)
    {
        using SKData data = picture.Encode(format, quality);
        return data.ToArray();
    }

    /// <summary>An uncompressed BMP of 24 bits, which Skia reads but does not write: header of 54 bytes, rows from the bottom, blue first.</summary>
    private static byte[] Bmp(SKBitmap picture)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        int body = picture.Width * picture.Height * 3;
        writer.Write("BM"u8);
        writer.Write(54 + body);
        writer.Write(0);
        writer.Write(54);
        writer.Write(40);
        writer.Write(picture.Width);
        writer.Write(picture.Height);
        writer.Write((short)1);
        writer.Write((short)24);
        writer.Write(new byte[24]);
        for (int row = picture.Height - 1; row >= 0; row--)
        {
            for (int column = 0; column < picture.Width; column++)
            {
                SKColor color = picture.GetPixel(column, row);
                writer.Write(new[] { color.Blue, color.Green, color.Red });
            }
        }

        return stream.ToArray();
    }

    private void Write(string name, byte[] bytes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(files.PathOf(name))!);
        files.Write(name, bytes);
    }
}
