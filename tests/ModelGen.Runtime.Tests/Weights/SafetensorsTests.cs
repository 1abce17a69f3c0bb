using System.Buffers.Binary;
using System.Text;
using ModelGen.Runtime.Tests.Data;
using ModelGen.Weights;
using static TorchSharp.torch;

namespace ModelGen.Runtime.Tests.Weights;

public sealed class SafetensorsTests : IDisposable
{
    private readonly DataFiles files = new();

    public void Dispose() => files.Dispose();

    /// <summary>Bytes as the format's description gives them, put together by hand.</summary>
    [Fact]
    public void HandMadeFile_IsReadAsDescribed()
    {
        byte[] file = HandMade(
            """{"b":{"dtype":"I16","shape":[2],"data_offsets":[8,12]},"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}  """,
            [0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC0, 0xFE, 0xFF, 3, 0]);
        using WeightFile read = WeightFile.Open(file);
        Assert.Equal(WeightFormat.Safetensors, read.Format);
        Assert.Equal(["a", "b"], read.Entries.Select(static entry => entry.Name));
        Assert.Equal("pt", read.Metadata["format"]);
        Assert.Equal([1, 2], read["a"].Shape);
        using Tensor a = read.ReadTensor("a"), b = read.ReadTensor("b");
        Assert.Equal([1f, -2.5f], a.data<float>().ToArray());
        Assert.Equal([-2, 3], b.data<short>().ToArray());
    }

    [Theory]
    [InlineData(ScalarType.Bool)]
    [InlineData(ScalarType.Byte)]
    [InlineData(ScalarType.Int8)]
    [InlineData(ScalarType.Int16)]
    [InlineData(ScalarType.Int32)]
    [InlineData(ScalarType.Int64)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.ComplexFloat32)]
    public void EveryType_ComesBackBitForBit(ScalarType type)
    {
        using Tensor number = randn(3, 4, 5).mul(100).to(type), scalar = tensor(1).to(type), none = zeros(new long[] { 0, 7 }, type);
        using Tensor turned = number.permute(2, 0, 1);
        var writer = new SafetensorsWriter { Metadata = { ["step"] = "17" } };
        writer.Add("number", number);
        writer.Add("turned", turned);
        writer.Add("scalar", scalar);
        writer.Add("none", none);
        string path = files.PathOf("weights.safetensors");
        writer.Write(path);

        using WeightFile read = WeightFile.Open(path);
        Assert.Equal("17", read.Metadata["step"]);
        foreach ((string name, Tensor expected) in new[] { ("number", number), ("turned", turned), ("scalar", scalar), ("none", none) })
        {
            using Tensor actual = read.ReadTensor(name);
            Assert.Equal(type, actual.dtype);
            Assert.Equal(expected.shape, actual.shape);
            Assert.Equal(expected.contiguous().bytes.ToArray(), actual.bytes.ToArray());
        }
    }

    [Fact]
    public void Numbers_AreAlignedAndSortedAsTheReferenceImplementationDoes()
    {
        var writer = new SafetensorsWriter();
        writer.Add("z", WeightType.Float32, [1], new byte[4]);
        writer.Add("bytes", WeightType.UInt8, [3], new byte[3]);
        writer.Add("a", WeightType.Float32, [1], new byte[4]);
        writer.Add("longs", WeightType.Int64, [1], new byte[8]);
        using var stream = new MemoryStream();
        writer.Write(stream);
        byte[] file = stream.ToArray();
        Assert.Equal(0UL, BinaryPrimitives.ReadUInt64LittleEndian(file) % 8);
        using WeightFile read = WeightFile.Open(file);
        Assert.Equal(["longs", "a", "z", "bytes"], read.Entries.Select(static entry => entry.Name));
    }

    [Fact]
    public void UnusualNames_ComeBack()
    {
        string[] names = ["", "ключ", "a\"b\\c", "line\nfeed", "😀", new string('x', 5000)];
        var writer = new SafetensorsWriter();
        foreach (string name in names)
        {
            writer.Add(name, WeightType.UInt8, [1], new byte[] { (byte)name.Length });
        }

        using var stream = new MemoryStream();
        writer.Write(stream);
        using WeightFile read = WeightFile.Open(stream.ToArray());
        byte[] one = new byte[1];
        Assert.All(names, name =>
        {
            read.Read(name, one);
            Assert.Equal((byte)name.Length, one[0]);
        });
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}""", "JSON")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}} x""", "JSON")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},}""", "JSON")]
    [InlineData("""{"\ud800":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "JSON")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[0],"data_offsets":[4,4]}}""", "'a' is given twice")]
    [InlineData("""{"a":{"dtype":"U8","dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "second or unknown property 'dtype'")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4],"extra":1}}""", "second or unknown property 'extra'")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4]}}""", "lacks")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[4]}}""", "lacks")]
    [InlineData("""{"a":[]}""", "not a JSON object")]
    [InlineData("""{"a":{"dtype":"Q9","shape":[4],"data_offsets":[0,4]}}""", "'Q9' is not known")]
    [InlineData("""{"a":{"dtype":7,"shape":[4],"data_offsets":[0,4]}}""", "not text")]
    [InlineData("""{"a":{"dtype":"U8","shape":[-4],"data_offsets":[0,4]}}""", "shape is not a list")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4.5],"data_offsets":[0,4]}}""", "shape is not a list")]
    [InlineData("""{"a":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,4]}}""", "shape is not a list")]
    [InlineData("""{"a":{"dtype":"U8","shape":4,"data_offsets":[0,4]}}""", "shape is not an array")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4,4]}}""", "data_offsets is not a list of at most 2")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}""", "does not fit")]
    [InlineData("""{"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]}}""", "does not fit")]
    [InlineData("""{"a":{"dtype":"U16","shape":[4],"data_offsets":[0,4]}}""", "does not fit")]
    [InlineData("""{"a":{"dtype":"F4","shape":[7],"data_offsets":[0,4]}}""", "does not fit")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", "does not fit")]
    [InlineData("""{"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}}""", "does not fit")]
    [InlineData("""{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""", "overlap")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}""", "hole")]
    [InlineData("""{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}""", "4 bytes of numbers, its tensors 3")]
    [InlineData("""{"a":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}""", "hole")]
    [InlineData("""{}""", "4 bytes of numbers, its tensors 0")]
    [InlineData("""{"__metadata__":{"a":1}}""", "not text")]
    [InlineData("""{"__metadata__":{"a":"1","a":"2"}}""", "given twice")]
    [InlineData("""{"__metadata__":{},"__metadata__":{}}""", "given twice")]
    public void BrokenHeader_IsRefused(string json, string fault) => Refused(HandMade(json, new byte[4]), fault);

    [Fact]
    public void DeepNesting_IsRefused() => Refused(HandMade("{\"a\":" + new string('[', 100_000), []), "not a JSON object");

    [Fact]
    public void ManyDimensions_AreRefused() =>
        Refused(HandMade($$$"""{"a":{"dtype":"U8","shape":[{{{string.Join(',', Enumerable.Repeat(1, 65))}}}],"data_offsets":[0,1]}}""", [1]), "at most 64");

    [Fact]
    public void TextThatIsNotUtf8_IsRefused()
    {
        byte[] file = HandMade("""{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", []);
        file[10] = 0xFF;
        Refused(file, "JSON");
    }

    [Fact]
    public void HeaderBeyondTheFile_IsRefusedWithoutAllocation()
    {
        byte[] file = HandMade("{}", []);
        BinaryPrimitives.WriteUInt64LittleEndian(file, 99_999_999);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refused(file, "truncated");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void TruthValueBeyondOne_IsRefused()
    {
        using WeightFile read = WeightFile.Open(HandMade("""{"mask":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}""", [1, 2]));
        Assert.Contains("neither 0 nor 1", Assert.Throws<WeightFormatException>(() => read.ReadTensor("mask")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TypeThatTorchSharpLacks_IsReadAsBytesOnly()
    {
        using WeightFile read = WeightFile.Open(HandMade("""{"scale":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}""", [1, 2]));
        byte[] bytes = new byte[2];
        read.Read("scale", bytes);
        Assert.Equal([1, 2], bytes);
        Assert.Throws<NotSupportedException>(() => read.ReadTensor("scale"));
    }

    [Fact]
    public void MissingFile_IsNamed()
    {
        string path = files.PathOf("none.safetensors");
        Assert.Equal($"{path}: no such file.", Assert.Throws<WeightFormatException>(() => WeightFile.Open(path)).Message);
    }

    [Fact]
    public void Writer_RefusesNamesAndTypesThatTheFormatLacks()
    {
        var writer = new SafetensorsWriter();
        writer.Add("a", WeightType.UInt8, [1], new byte[1]);
        Assert.Throws<ArgumentException>(() => writer.Add("a", WeightType.UInt8, [1], new byte[1]));
        Assert.Throws<ArgumentException>(() => writer.Add("__metadata__", WeightType.UInt8, [1], new byte[1]));
        Assert.Throws<ArgumentException>(() => writer.Add("b", WeightType.Float32, [1], new byte[1]));
        using Tensor complex = zeros(1, ScalarType.ComplexFloat64);
        Assert.Throws<NotSupportedException>(() => writer.Add("c", complex));
    }

    /// <summary>The write fails after the first tensor, as on a full disk.</summary>
    [Fact]
    public void FailedWrite_LeavesTheOldFile()
    {
        string path = files.Write("weights.safetensors", "old");
        Tensor gone = zeros(3);
        var writer = new SafetensorsWriter();
        writer.Add("a", WeightType.Float64, [1], new byte[8]);
        writer.Add("gone", gone);
        gone.Dispose();
        Assert.ThrowsAny<Exception>(() => writer.Write(path));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(files.Folder));
    }

    private static byte[] HandMade(string json, byte[] numbers)
    {
        byte[] text = Encoding.UTF8.GetBytes(json);
        byte[] length = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)text.Length);
        return [.. length, .. text, .. numbers];
    }

    private static void Refused(byte[] file, string fault)
    {
        string message = Assert.Throws<WeightFormatException>(() => WeightFile.Open(file)).Message;
        Assert.Contains(fault, message, StringComparison.Ordinal);
        Assert.DoesNotContain(message, char.IsControl);
    }
}
