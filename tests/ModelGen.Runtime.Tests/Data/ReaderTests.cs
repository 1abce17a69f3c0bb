using System.Buffers.Binary;
using System.IO.Compression;
using ModelGen.Data;

namespace ModelGen.Runtime.Tests.Data;

public sealed class ReaderTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("modelgen-data").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Idx_ReadsPlainAndGzippedFiles(bool gzip)
    {
        string path = Write("images", Idx([2, 2, 3], [.. Enumerable.Range(0, 12).Select(static value => (byte)value)]), gzip);
        IdxFile file = IdxFile.Read(path, 3);
        Assert.Equal([2, 2, 3], file.Sizes);
        Assert.Equal(11, file.Values[^1]);
    }

    [Theory]
    [InlineData("short", "too short")]
    [InlineData("magic", "wrong magic number 0x00000D03")]
    [InlineData("labels", "wrong magic number 0x00000801")]
    [InlineData("truncated", "truncated: 11 of 12 values")]
    [InlineData("longer", "goes on after the 12 values")]
    [InlineData("huge", "wrong size")]
    [InlineData("zero", "wrong size")]
    [InlineData("missing", "no such file")]
    public void Idx_NamesFileAndFault(string fault, string expected)
    {
        byte[] good = Idx([2, 2, 3], new byte[12]);
        byte[] bytes = fault switch
        {
            "short" => [0, 0],
            "magic" => [0, 0, 13, .. good[3..]],
            "labels" => Idx([2], new byte[2]),
            "truncated" => good[..^1],
            "longer" => [.. good, 1],
            "huge" => [.. good[..4], 0xff, 0xff, 0xff, 0xff, .. good[8..]],
            "zero" => Idx([0, 2, 3], []),
            _ => good,
        };
        string path = fault == "missing" ? Path.Combine(folder, "nothing") : Write("images", bytes, gzip: false);
        string message = Assert.Throws<DataFormatException>(() => IdxFile.Read(path, 3)).Message;
        Assert.StartsWith(path, message);
        Assert.Contains(expected, message);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void DamagedGzip_IsNamed()
    {
        string path = Path.Combine(folder, "images.gz");
        File.WriteAllBytes(path, [0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 5, 6, 7]);
        Assert.StartsWith(path, Assert.Throws<DataFormatException>(() => IdxFile.Read(path, 3)).Message);
    }

    [Fact]
    public void MnistFolder_ScalesPixels_AndChecksThatFilesFit()
    {
        WriteMnist("-idx", labels: [3, 4]);
        (LabelledImages train, LabelledImages test) = MnistFolder.Load(folder);
        Assert.Equal([3L, 4L], train.Labels);
        Assert.Equal(1f, train.Images.Max());
        Assert.Equal(2, test.ToDataset().Count);
        WriteMnist("-idx", labels: [3, 4, 5]);
        Assert.Contains("3 labels for the 2 images", Assert.Throws<DataFormatException>(() => MnistFolder.Load(folder)).Message);
        WriteMnist("-idx", labels: [3, 10]);
        Assert.Contains("label 10 of image 1", Assert.Throws<DataFormatException>(() => MnistFolder.Load(folder)).Message);
        File.Delete(Path.Combine(folder, "t10k-labels-idx1-ubyte"));
        Assert.Contains("train", Assert.Throws<DataFormatException>(() => MnistFolder.Load(folder)).Message);
    }

    [Fact]
    public void Csv_ReadsRowsWithAndWithoutAHeader()
    {
        string path = WriteLines("0,16,8,4,1", "", "16,16,16,16,9");
        LabelledImages images = PixelCsv.Load(path, static _ => 16);
        Assert.Equal([0, 1, 0.5f, 0.25f, 1, 1, 1, 1], images.Images);
        Assert.Equal([1L, 9L], images.Labels);
        Assert.Equal(2, PixelCsv.Load(WriteLines("a,b,c,d,label", "0,1,2,3,4", "1,1,1,1,0"), static _ => 16).Labels.Length);
    }

    [Theory]
    [InlineData("1,2,3,1", "row 1: wrong size: 3 values")]
    [InlineData("1,2,3,4,1\n1,2,3,1", "row 2: wrong size: 4 values, the rows before have 5")]
    [InlineData("1,2,3,4,1\n1,x,3,4,1", "row 2, column 2: 'x'")]
    [InlineData("1,2,3,17,1", "row 1, column 4: '17' is not a pixel value from 0 to 16")]
    [InlineData("1,2,NaN,1,1", "row 1, column 3")]
    [InlineData("1,2,3,4,10", "row 1: label '10' is out of range")]
    [InlineData("1,2,3,4,1.5", "label '1.5'")]
    [InlineData("", "holds no rows")]
    public void Csv_NamesRowAndFault(string text, string expected)
    {
        string path = WriteLines(text.Split('\n'));
        string message = Assert.Throws<DataFormatException>(() => PixelCsv.Load(path, static _ => 16)).Message;
        Assert.StartsWith(path, message);
        Assert.Contains(expected, message);
    }

    [Fact]
    public void TensorDataset_ReadsSamplesByIndex_AndChecksLengths()
    {
        TensorDataset data = TensorDataset.FromArrays([1, 2, 3, 4, 5, 6], [2], [7, 8, 9]);
        byte[] input = new byte[2 * 2 * 4];
        byte[] target = new byte[2 * 8];
        data.Read([2, 0], [input], target);
        Assert.Equal([5f, 6f, 1f, 2f], System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(input).ToArray());
        Assert.Equal([9L, 7L], System.Runtime.InteropServices.MemoryMarshal.Cast<byte, long>(target).ToArray());
        Assert.Contains("3 samples", Assert.Throws<ArgumentException>(() => TensorDataset.FromArrays([1, 2, 3], [1], [1L])).Message);
        Assert.Throws<ArgumentException>(() => TensorDataset.FromArrays([1, 2, 3], [2], [1L]));
    }

    [Fact]
    public void Split_IsDisjoint_Complete_AndDeterministic()
    {
        TensorDataset data = TensorDataset.FromArrays([.. Enumerable.Range(0, 100).Select(static value => (float)value)], [1], new long[100]);
        (Dataset first, Dataset second) = data.Split(0.8, seed: 4);
        (Dataset again, _) = data.Split(0.8, seed: 4);
        float[] Values(Dataset part)
        {
            byte[] input = new byte[part.Count * 4];
            part.Read([.. Enumerable.Range(0, part.Count)], [input], new byte[part.Count * 8]);
            return System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(input).ToArray();
        }

        Assert.Equal(80, first.Count);
        Assert.Equal(Enumerable.Range(0, 100).Select(static value => (float)value), Values(first).Concat(Values(second)).Order());
        Assert.Equal(Values(first), Values(again));
        Assert.Throws<ArgumentOutOfRangeException>(() => data.Split(1));
    }

    [Fact]
    public void Permutation_IsFixedForever() => Assert.Equal([4, 0, 1, 2, 3], Shuffler.Permutation(5, seed: 1, epoch: 2));

    private static byte[] Idx(int[] sizes, byte[] values)
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

    private void WriteMnist(string dash, byte[] labels)
    {
        foreach (string part in new[] { "train", "t10k" })
        {
            Write($"{part}-images{dash}3-ubyte", Idx([2, 2, 2], [0, 255, 0, 0, 0, 0, 0, 51]), gzip: false);
            Write($"{part}-labels{dash}1-ubyte", Idx([labels.Length], labels), gzip: false);
        }
    }

    private string Write(string name, byte[] bytes, bool gzip)
    {
        string path = Path.Combine(folder, name + (gzip ? ".gz" : ""));
        using FileStream file = File.Create(path);
        using Stream stream = gzip ? new GZipStream(file, CompressionLevel.Fastest) : file;
        stream.Write(bytes);
        return path;
    }

    private string WriteLines(params string[] lines)
    {
        string path = Path.Combine(folder, Guid.NewGuid().ToString("N") + ".csv");
        File.WriteAllLines(path, lines);
        return path;
    }
}
