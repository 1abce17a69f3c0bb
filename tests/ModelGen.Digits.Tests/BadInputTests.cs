using System.Buffers.Binary;
using System.IO.Compression;

namespace ModelGen.Digits.Tests;

/// <summary>Whatever is wrong with the data: one line that names the file and the fault, exit code 1, no stack trace.</summary>
public sealed class BadInputTests : IDisposable
{
    private const string TrainImages = "train-images-idx3-ubyte";
    private const string TrainLabels = "train-labels-idx1-ubyte";
    private const string TestImages = "t10k-images-idx3-ubyte";
    private const string TestLabels = "t10k-labels-idx1-ubyte";

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void MissingFolder() => AssertRefused(folder.File("nowhere"), "nowhere", "no such folder");

    [Fact]
    public void EmptyFolder() => AssertRefused(folder.Root, folder.Root, "neither");

    [Fact]
    public void MissingIdxFile()
    {
        WriteIdx();
        File.Delete(folder.File(TestLabels));
        AssertRefused(folder.Root, TestLabels);
    }

    [Fact]
    public void TruncatedIdx()
    {
        WriteIdx();
        byte[] whole = File.ReadAllBytes(folder.File(TrainImages));
        File.WriteAllBytes(folder.File(TrainImages), whole[..^10]);
        AssertRefused(folder.Root, TrainImages);
    }

    [Fact]
    public void HeaderOfIdxCutShort()
    {
        WriteIdx();
        File.WriteAllBytes(folder.File(TestImages), [0, 0, 8]);
        AssertRefused(folder.Root, TestImages);
    }

    [Fact]
    public void WrongMagic()
    {
        WriteIdx();
        byte[] bytes = File.ReadAllBytes(folder.File(TrainLabels));
        bytes[2] = 0x0D;
        File.WriteAllBytes(folder.File(TrainLabels), bytes);
        AssertRefused(folder.Root, TrainLabels);
    }

    [Fact]
    public void DamagedGzip()
    {
        WriteIdx();
        File.Delete(folder.File(TrainImages));
        File.WriteAllBytes(folder.File(TrainImages + ".gz"), [0x1F, 0x8B, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
        AssertRefused(folder.Root, TrainImages + ".gz");
    }

    [Fact]
    public void TruncatedGzip()
    {
        WriteIdx();
        byte[] packed = Pack(File.ReadAllBytes(folder.File(TrainImages)));
        File.Delete(folder.File(TrainImages));
        File.WriteAllBytes(folder.File(TrainImages + ".gz"), packed[..(packed.Length / 2)]);
        AssertRefused(folder.Root, TrainImages + ".gz");
    }

    [Fact]
    public void ImagesOfASizeWithoutAClass()
    {
        WriteIdx(size: 16);
        AssertRefused(folder.Root, folder.Root, "16");
    }

    [Fact]
    public void MoreImagesThanLabels()
    {
        WriteIdx();
        File.WriteAllBytes(folder.File(TrainLabels), Idx(new byte[19], 19));
        AssertRefused(folder.Root, TrainLabels, "19", "20");
    }

    [Fact]
    public void IdxLabelOutOfRange()
    {
        WriteIdx();
        byte[] labels = new byte[20];
        labels[7] = 10;
        File.WriteAllBytes(folder.File(TrainLabels), Idx(labels, 20));
        AssertRefused(folder.Root, TrainLabels, "10");
    }

    [Theory]
    [InlineData("1,2,3", "65")]
    [InlineData("word", "word")]
    [InlineData("label 10", "10")]
    [InlineData("value 17", "17")]
    [InlineData("value -1", "-1")]
    [InlineData("empty", "")]
    public void FaultInACsvRow(string fault, string expected)
    {
        string good = string.Join(',', Enumerable.Repeat("16", 64)) + ",3";
        string bad = fault switch
        {
            "word" => "word" + good[2..],
            "label 10" => good[..^1] + "10",
            "value 17" => "17" + good[2..],
            "value -1" => "-1" + good[2..],
            _ => fault,
        };
        File.WriteAllLines(folder.File("a-train.csv"), Enumerable.Repeat(good, 30));
        File.WriteAllLines(folder.File("a-test.csv"), fault == "empty" ? [] : [good, bad, good]);
        AssertRefused(folder.Root, "a-test.csv", expected);
    }

    /// <summary>The largest value of 28 x 28 images is 255, not the 16 of 8 x 8 ones.</summary>
    [Fact]
    public void PixelOf256InALargeImage()
    {
        File.WriteAllLines(folder.File("a.csv"), [string.Join(',', Enumerable.Repeat("255", 784)) + ",3", "256," + string.Join(',', Enumerable.Repeat("0", 783)) + ",3"]);
        AssertRefused(folder.Root, "a.csv", "row 2", "256", "0 to 255");
    }

    [Fact]
    public void SingleTableOfOneRow_CannotBeSplit()
    {
        File.WriteAllText(folder.File("a.csv"), string.Join(',', Enumerable.Repeat("16", 64)) + ",3\n");
        AssertRefused(folder.Root, "a.csv", "one row");
    }

    [Theory]
    [InlineData("--nonsense")]
    [InlineData("--epochs", "many")]
    [InlineData("--json")]
    public void MistakeOnTheCommandLine_EndsWithCode2(params string[] arguments)
    {
        (int exitCode, string output, string errors) = SampleProcess.Run(arguments);
        Assert.Equal(2, exitCode);
        Assert.Empty(output);
        Assert.Single(errors.TrimEnd().Split('\n'));
        Assert.Contains(arguments[0], errors);
    }

    private static void AssertRefused(string data, params string[] expected)
    {
        (int exitCode, _, string errors) = SampleProcess.Run("--data", data, "--out", Path.Combine(Path.GetTempPath(), "digits-bad-input"));
        Assert.True(exitCode == 1, $"exit code {exitCode}: {errors}");
        Assert.Single(errors.TrimEnd().Split('\n'));
        Assert.All(expected, text => Assert.Contains(text, errors));
        Assert.DoesNotContain("Exception", errors);
    }

    private static byte[] Pack(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }

        return packed.ToArray();
    }

    private static byte[] Idx(byte[] values, params int[] sizes)
    {
        byte[] header = new byte[4 + (4 * sizes.Length)];
        header[2] = 8;
        header[3] = (byte)sizes.Length;
        for (int i = 0; i < sizes.Length; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4 + (4 * i)), sizes[i]);
        }

        return [.. header, .. values];
    }

    /// <summary>A folder that is right in every way, for one test to damage.</summary>
    private void WriteIdx(int size = 28)
    {
        // Random bytes: a file that gzip could shrink to nothing would not be cut by cutting it in half.
        byte[] images = new byte[20 * size * size];
        new Random(1).NextBytes(images);
        File.WriteAllBytes(folder.File(TrainImages), Idx(images, 20, size, size));
        File.WriteAllBytes(folder.File(TrainLabels), Idx(new byte[20], 20));
        File.WriteAllBytes(folder.File(TestImages), Idx(images[..(10 * size * size)], 10, size, size));
        File.WriteAllBytes(folder.File(TestLabels), Idx(new byte[10], 10));
    }
}
