using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using ModelGen.Runtime.Tests.Data;
using ModelGen.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.Runtime.Tests.Weights;

public sealed class PyTorchFileTests : IDisposable
{
    private readonly DataFiles files = new();

    public void Dispose() => files.Dispose();

    public static TheoryData<string, WeightType, int> Storages => new()
    {
        { "FloatStorage", WeightType.Float32, 4 },
        { "DoubleStorage", WeightType.Float64, 8 },
        { "HalfStorage", WeightType.Float16, 2 },
        { "BFloat16Storage", WeightType.BFloat16, 2 },
        { "LongStorage", WeightType.Int64, 8 },
        { "IntStorage", WeightType.Int32, 4 },
        { "ShortStorage", WeightType.Int16, 2 },
        { "CharStorage", WeightType.Int8, 1 },
        { "ByteStorage", WeightType.UInt8, 1 },
        { "BoolStorage", WeightType.Bool, 1 },
        { "ComplexFloatStorage", WeightType.Complex64, 8 },
        { "ComplexDoubleStorage", WeightType.Complex128, 16 },
    };

    [Theory]
    [MemberData(nameof(Storages))]
    public void EveryStorage_IsReadInAllLayouts(string storageClass, WeightType type, int size)
    {
        byte[] numbers = DataFiles.Noise(12 * size);
        if (type == WeightType.Bool)
        {
            numbers = [.. numbers.Select(static number => (byte)(number & 1))];
        }

        var storage = new PyStorage(storageClass, 12, numbers);
        var state = new PyOrderedDict([("whole", new PyTensor(storage, 0, [3, 4], [4, 1], IsParameter: true)), ("turned", new PyTensor(storage, 0, [4, 3], [1, 4])), ("part", new PyTensor(storage, 5, [2, 2], [4, 2])), ("one", new PyTensor(storage, 7, [], []))], HasMetadata: true);
        foreach (byte[] file in new[] { TorchSave.Zip(state), TorchSave.Legacy(state) })
        {
            using WeightFile read = WeightFile.Open(file);
            Assert.Equal(WeightFormat.PyTorch, read.Format);
            Assert.Equal(["whole", "turned", "part", "one"], read.Entries.Select(static entry => entry.Name));
            Assert.All(read.Entries, entry => Assert.Equal(type, entry.Type));
            Assert.Equal(numbers, Bytes(read, "whole"));
            Assert.Equal(Picked(numbers, size, 0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11), Bytes(read, "turned"));
            Assert.Equal(Picked(numbers, size, 5, 7, 9, 11), Bytes(read, "part"));
            Assert.Equal(Picked(numbers, size, 7), Bytes(read, "one"));
        }
    }

    [Fact]
    public void ViewsOfMoreDimensions_EqualThoseOfTorchSharp()
    {
        using Tensor numbers = arange(2 * 3 * 4 * 5, ScalarType.Float32);
        var storage = new PyStorage("FloatStorage", 120, numbers.bytes.ToArray());
        foreach (long[] strides in new long[][] { [60, 20, 5, 1], [1, 2, 6, 24], [20, 1, 40, 5], [0, 3, 0, 1] })
        {
            using WeightFile read = WeightFile.Open(TorchSave.Zip(new PyOrderedDict([("x", new PyTensor(storage, 0, [2, 3, 2, 2], strides))])));
            using Tensor expected = numbers.as_strided([2, 3, 2, 2], strides), actual = read.ReadTensor("x");
            Assert.True(expected.equal(actual).all().ToBoolean());
        }
    }

    [Fact]
    public void NewerTypes_AreReadFromUntypedStorages()
    {
        byte[] numbers = DataFiles.Noise(16);
        var storage = new PyStorage("storage.UntypedStorage", 16, numbers);
        using WeightFile read = WeightFile.Open(TorchSave.Zip(new PyOrderedDict([("u16", new PyTensor(storage, 1, [7], [1], DType: "uint16")), ("f8", new PyTensor(storage, 0, [16], [1], DType: "float8_e4m3fn"))])));
        Assert.Equal(WeightType.UInt16, read["u16"].Type);
        Assert.Equal(numbers[2..], Bytes(read, "u16"));
        Assert.Equal(WeightType.Float8E4M3, read["f8"].Type);
    }

    [Fact]
    public void BigEndianFile_IsTurnedAround()
    {
        byte[] numbers = new byte[8];
        BinaryPrimitives.WriteSingleBigEndian(numbers, 1.5f);
        BinaryPrimitives.WriteSingleBigEndian(numbers.AsSpan(4), -2);
        var real = new PyStorage("FloatStorage", 2, numbers);
        var complex = new PyStorage("ComplexFloatStorage", 1, numbers);
        using WeightFile read = WeightFile.Open(TorchSave.Zip(new PyOrderedDict([("real", new PyTensor(real, 0, [2], [1])), ("complex", new PyTensor(complex, 0, [], []))]), byteOrder: "big"));
        Assert.Equal([1.5f, -2], MemoryMarshal.Cast<byte, float>(Bytes(read, "real")).ToArray());
        Assert.Equal([1.5f, -2], MemoryMarshal.Cast<byte, float>(Bytes(read, "complex")).ToArray());
    }

    [Fact]
    public void FileWithoutByteOrder_IsLittleEndian()
    {
        using WeightFile read = WeightFile.Open(TorchSave.Zip(OneTensor(), byteOrder: null));
        Assert.Equal([1, 2, 3], Bytes(read, "a"));
        Refused(TorchSave.Zip(OneTensor(), byteOrder: "middle"), "neither little nor big");
    }

    [Fact]
    public void TiedTensors_KeepTheirStorage()
    {
        var tensor = new PyTensor(new PyStorage("ByteStorage", 3, [1, 2, 3]), 0, [3], [1]);
        using WeightFile read = WeightFile.Open(TorchSave.Zip(new PyOrderedDict([("a", tensor), ("b", tensor)])));
        Assert.Equal(Bytes(read, "a"), Bytes(read, "b"));
    }

    [Fact]
    public void ManyTensors_UseLongMemoNumbers()
    {
        (string, object?)[] items = [.. Enumerable.Range(0, 2500).Select(static i => ($"t{i}", (object?)new PyTensor(new PyStorage("ByteStorage", 1, [(byte)i]), 0, [1], [1])))];
        using WeightFile read = WeightFile.Open(TorchSave.Zip(new PyOrderedDict(items)));
        Assert.Equal(2500, read.Entries.Count);
        Assert.Equal([unchecked((byte)2499)], Bytes(read, "t2499"));
    }

    [Fact]
    public void EmptyTensorsAndEmptyStateDicts_AreLegal()
    {
        using WeightFile none = WeightFile.Open(TorchSave.Zip(new PyOrderedDict([], HasMetadata: true)));
        Assert.Empty(none.Entries);
        using WeightFile empty = WeightFile.Open(TorchSave.Zip(new PyOrderedDict([("e", new PyTensor(new PyStorage("FloatStorage", 0, []), 0, [0, 3], [3, 1]))])));
        using Tensor tensor = empty.ReadTensor("e");
        Assert.Equal([0, 3], tensor.shape);
    }

    [Theory]
    [InlineData("state_dict")]
    [InlineData("model_state_dict")]
    [InlineData("model")]
    [InlineData("generator")]
    public void CheckpointOfATraining_GivesItsStateDict(string key)
    {
        var optimizer = new PyDict(("state", new PyDict((0, new PyDict(("step", 7.0), ("exp_avg", OneTensor().Items[0].Value))))), ("param_groups", new object?[] { new PyDict(("lr", 0.1), ("params", new object?[] { 0, 1 })) }));
        using WeightFile read = WeightFile.Open(TorchSave.Zip(new PyDict(("epoch", 3), ("loss", 0.25), (key, OneTensor()), ("optimizer", optimizer), ("big", 1L << 40), ("name", "run"), ("flag", true))));
        Assert.Equal(key, read.StateDictKey);
        Assert.Equal([1, 2, 3], Bytes(read, "a"));
    }

    [Fact]
    public void SeveralStateDicts_NeedAKey()
    {
        byte[] file = TorchSave.Zip(new PyDict(("generator", OneTensor()), ("critic", new PyDict(("deep", OneTensor())))));
        byte[] two = TorchSave.Zip(new PyDict(("generator", OneTensor()), ("critic", OneTensor())));
        Refused(two, "'generator', 'critic'");
        using WeightFile named = WeightFile.Open(two, "critic"), deep = WeightFile.Open(file, "critic/deep");
        Assert.Equal([1, 2, 3], Bytes(named, "a"));
        Assert.Equal("critic/deep", deep.StateDictKey);
        Assert.Contains("no dictionary 'wrong'; the keys are 'generator', 'critic'", Assert.Throws<WeightFormatException>(() => WeightFile.Open(file, "wrong")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SavedValueThatIsNoStateDict_IsRefused()
    {
        Refused(TorchSave.Zip(OneTensor().Items[0].Value), "a single tensor");
        Refused(TorchSave.Zip(new object?[] { 1 }), "not a dictionary");
        Refused(TorchSave.Zip(new PyDict(("epoch", 3), (5, "five"))), "no state dict found among 'epoch', 5");
    }

    [Theory]
    [InlineData("os", "system")]
    [InlineData("posix", "system")]
    [InlineData("builtins", "eval")]
    [InlineData("__builtin__", "exec")]
    [InlineData("subprocess", "Popen")]
    [InlineData("torch._utils", "_rebuild_qtensor")]
    [InlineData("torch.nn.modules.linear", "Linear")]
    [InlineData("numpy.core.multiarray", "scalar")]
    [InlineData("__main__", "Net")]
    [InlineData("torch", "load")]
    [InlineData("torch.FloatStorage", "__init__")]
    public void NamesThatStateDictsDoNotUse_AreRefusedByName(string module, string name)
    {
        byte[] file = TorchSave.Zip(new PyDict(("a", OneTensor().Items[0].Value), ("evil", new PyCall(new PyGlobal(module, name), "touch /tmp/owned"))));
        Refused(file, $"'{module}.{name}', which is not part of a state dict");
    }

    [Fact]
    public void Refusal_NamesThePlaceAndWhatToDo()
    {
        string path = files.Write("model.pt", TorchSave.Zip(new PyDict(("state_dict", OneTensor()), ("evil", new PyCall(new PyGlobal("posix", "system"), "touch /tmp/owned")))));
        Assert.Equal(
            path + ": data.pkl, byte 273: the file asks for 'posix.system', which is not part of a state dict, and is refused: it would be code to run. Save only tensors: torch.save(model.state_dict(), path).",
            Assert.Throws<WeightFormatException>(() => WeightFile.Open(path)).Message);
    }

    [Theory]
    [InlineData("collections", "OrderedDict", "OrderedDict with arguments")]
    [InlineData("torch._utils", "_rebuild_tensor_v2", "_rebuild_tensor_v2 with arguments")]
    [InlineData("torch._utils", "_rebuild_parameter", "_rebuild_parameter with arguments")]
    [InlineData("torch.storage", "UntypedStorage", "UntypedStorage with arguments")]
    [InlineData("torch", "FloatStorage", "not one of the allowed functions")]
    public void AllowedNamesWithOtherArguments_AreRefused(string module, string name, string fault) =>
        Refused(TorchSave.Zip(new PyDict(("a", new PyCall(new PyGlobal(module, name), 1, "two")))), fault);

    [Fact]
    public void HarmlessPartsOfCheckpoints_AreRead()
    {
        var parts = new PyDict(
            ("size", new PyCall(new PyGlobal("torch", "Size"), new PyTuple(1, 2))),
            ("device", new PyCall(new PyGlobal("torch", "device"), "cuda", 0)),
            ("dtype", new PyGlobal("torch", "float32")),
            ("milestones", new PyCall(new PyGlobal("collections", "Counter"), new PyDict((30, 1)))),
            ("set", new PyCall(new PyGlobal("__builtin__", "set"), (object)new object?[] { 1, 2 })),
            ("bytes", new PyCall(new PyGlobal("_codecs", "encode"), "abc", "latin1")),
            ("state_dict", OneTensor()));
        using WeightFile read = WeightFile.Open(TorchSave.Zip(parts));
        Assert.Equal([1, 2, 3], Bytes(read, "a"));
    }

    [Theory]
    [InlineData(0, new long[] { 4 }, new long[] { 1 }, "reaches beyond")]
    [InlineData(1, new long[] { 3 }, new long[] { 1 }, "reaches beyond")]
    [InlineData(0, new long[] { 2 }, new long[] { 3 }, "reaches beyond")]
    [InlineData(long.MaxValue, new long[] { 2 }, new long[] { long.MaxValue }, "reaches beyond")]
    [InlineData(0, new long[] { 4 }, new long[] { 0 }, "repeats")]
    [InlineData(0, new long[] { 1L << 40, 1L << 40 }, new long[] { 0, 0 }, "no tensor has")]
    [InlineData(-1, new long[] { 1 }, new long[] { 1 }, "no tensor has")]
    [InlineData(0, new long[] { -1 }, new long[] { 1 }, "not a whole number from 0")]
    [InlineData(0, new long[] { 3 }, new long[] { -1 }, "not a whole number from 0")]
    [InlineData(0, new long[] { 3 }, new long[] { 1, 1 }, "no tensor has")]
    [InlineData(4, new long[] { 0 }, new long[] { 1 }, "reaches beyond")]
    public void ViewBeyondItsStorage_IsRefused(long offset, long[] size, long[] stride, string fault) =>
        Refused(TorchSave.Zip(new PyDict(("a", new PyTensor(new PyStorage("ByteStorage", 3, [1, 2, 3]), offset, size, stride)))), fault);

    [Fact]
    public void StorageShorterThanItsCount_IsRefused() =>
        Refused(TorchSave.Zip(new PyDict(("a", new PyTensor(new PyStorage("FloatStorage", 3, [1, 2, 3]), 0, [3], [1])))), "has 0 numbers in the file; 3");

    [Fact]
    public void DamagedNumbers_AreFoundByTheChecksum()
    {
        byte[] file = TorchSave.Zip(OneTensor());
        int at = file.AsSpan().IndexOf(new byte[] { 1, 2, 3 });
        file[at] = 9;
        using WeightFile read = WeightFile.Open(file), unverified = WeightFile.Open(file, verifyChecksums: false);
        Assert.Contains("damaged: storage '0'", Assert.Throws<WeightFormatException>(() => Bytes(read, "a")).Message, StringComparison.Ordinal);
        Assert.Equal([9, 2, 3], Bytes(unverified, "a"));
    }

    [Fact]
    public void DamagedPickle_IsFoundByTheChecksum()
    {
        byte[] file = TorchSave.Zip(OneTensor());
        file[file.AsSpan().IndexOf("ByteStorage"u8)] = (byte)'b';
        Refused(file, "data.pkl has the checksum");
    }

    [Theory]
    [InlineData("80 04 95", "pickle protocol 4")]
    [InlineData("80 02 69", "opcode 0x69")] // INST
    [InlineData("80 02 4E 32", "opcode 0x32")] // DUP
    [InlineData("80 02 4E 30", "opcode 0x30")] // POP
    [InlineData("80 02 93", "opcode 0x93")] // STACK_GLOBAL
    [InlineData("80 02 82 01", "opcode 0x82")] // EXT1
    [InlineData("80 02 50 61 0A", "opcode 0x50")] // PERSID
    [InlineData("80 02 2E", "0 values")]
    [InlineData("80 02 4E 4E 2E", "2 values")]
    [InlineData("80 02 28 2E", "1 values")]
    [InlineData("80 02 68 05", "value 5 is used before")]
    [InlineData("80 02 6A FF FF FF FF", "value 4294967295 is used before")]
    [InlineData("80 02 74", "did not begin")]
    [InlineData("80 02 85", "not there")]
    [InlineData("80 02 28 85", "not there")]
    [InlineData("80 02 71 00", "not there")]
    [InlineData("80 02 4E 61", "not there")]
    [InlineData("80 02 4E 4E 61", "not a list")]
    [InlineData("80 02 5D 4E 4E 73", "not a dictionary")]
    [InlineData("80 02 7D 28 4E 75", "key without a value")]
    [InlineData("80 02 4E 51", "persistent identifier")]
    [InlineData("80 02 4E 4E 52", "without a tuple")]
    [InlineData("80 02 4E 29 52", "not one of the allowed")]
    [InlineData("80 02 4E 29 81", "not a class")]
    [InlineData("80 02 4E 4E 62", "attributes")]
    [InlineData("80 02 58 FF FF FF FF", "truncated")]
    [InlineData("80 02 58 02 00 00 00 C3 28", "not UTF-8")]
    [InlineData("80 02 8A 09 00 00 00 00", "truncated")]
    [InlineData("80 02 47 00", "truncated")]
    [InlineData("80 02 63 61 62 63", "truncated")]
    [InlineData("80", "truncated")]
    [InlineData("", "truncated")]
    [InlineData("80 02 7D 2E 00", "1 bytes follow")]
    public void BrokenPickle_IsRefused(string hex, string fault) => Refused(OfPickle(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal))), fault);

    [Fact]
    public void LongName_IsRefused() => Refused(OfPickle([0x80, 2, (byte)'c', .. Encoding.ASCII.GetBytes(new string('x', 5000))]), "more than 200 letters");

    /// <summary>A million lists in each other: nothing here recurses.</summary>
    [Fact]
    public void DeepNesting_IsRead() =>
        Refused(OfPickle([0x80, 2, .. Enumerable.Repeat((byte)']', 1_000_000), .. Enumerable.Repeat((byte)'a', 999_999), (byte)'.']), "not a dictionary");

    /// <summary>Each call copies a list of pairs: work that grows with the square of the file's size is bounded.</summary>
    [Fact]
    public void RepeatedCopies_AreBounded()
    {
        using var pickle = new MemoryStream();
        pickle.Write([0x80, 2, (byte)'c', .. "collections\nOrderedDict\n"u8, (byte)'q', 0, (byte)']', (byte)'(']);
        for (int i = 0; i < 10_000; i++)
        {
            pickle.Write([(byte)'N', (byte)'N', 0x86]);
        }

        pickle.Write([(byte)'e', 0x85, (byte)'q', 1]);
        for (int i = 0; i < 10_000; i++)
        {
            pickle.Write([(byte)'h', 0, (byte)'h', 1, (byte)'R']);
        }

        Refused(OfPickle(pickle.ToArray()), "no state dict has so many");
    }

    [Fact]
    public void ArchiveThatIsNotOfTorchSave_IsRefused()
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            using Stream entry = zip.CreateEntry("a/data.pkl").Open();
            entry.Write(new byte[1000]);
        }

        Refused(stream.ToArray(), "compressed");
        Refused(TorchSave.Archive(("readme.txt", [1])), "not one of torch.save");
        Refused(TorchSave.Archive(("a/data.pkl", [1]), ("b/data.pkl", [1])), "not one of torch.save");
        Refused(TorchSave.Archive(("a/data.pkl", [1]), ("a/data.pkl", [1])), "two files named");
        Refused(TorchSave.Archive(("a/data.pkl", [1]), ("a/constants.pkl", [1])), "TorchScript");
        byte[] cut = TorchSave.Zip(OneTensor());
        Refused(cut[..^1], "truncated");
        Refused("hello, world"u8.ToArray(), "neither safetensors nor PyTorch");
        Refused(new PickleWriter().Write(new PyDict(("a", 1))), "a pickle or tar file");
    }

    /// <summary>An archive that libtorch itself writes: its directory reads as .NET's own zip reader reads it, and a program is not taken for a state dict.</summary>
    [Fact]
    public void ArchiveWrittenByLibtorch_HasTheDirectoryThatDotNetReads()
    {
        string path = files.PathOf("program.pt");
        using (Tensor numbers = arange(100))
        {
            save(numbers, path);
        }

        byte[] file = File.ReadAllBytes(path);
        Dictionary<string, ZipEntry> entries = ZipDirectory.Read(new MemorySource(file));
        using ZipArchive zip = ZipFile.OpenRead(path);
        Assert.Equal(zip.Entries.Select(static entry => entry.FullName).Order(StringComparer.Ordinal), entries.Keys.Order(StringComparer.Ordinal));
        foreach (ZipArchiveEntry entry in zip.Entries)
        {
            using Stream content = entry.Open();
            using var expected = new MemoryStream();
            content.CopyTo(expected);
            ZipEntry mine = entries[entry.FullName];
            Assert.Equal(expected.ToArray(), file[(int)mine.Offset..(int)(mine.Offset + mine.Length)]);
            Assert.Equal(entry.Crc32, mine.Checksum);
        }

        Refused(file, "TorchScript");
    }

    internal static PyOrderedDict OneTensor() => new([("a", new PyTensor(new PyStorage("ByteStorage", 3, [1, 2, 3]), 0, [3], [1]))]);

    private static byte[] OfPickle(byte[] pickle) => TorchSave.Archive(("archive/data.pkl", pickle));

    private static byte[] Bytes(WeightFile file, string name)
    {
        byte[] bytes = new byte[file[name].ByteCount];
        file.Read(name, bytes);
        return bytes;
    }

    private static byte[] Picked(byte[] numbers, int size, params int[] indices) => [.. indices.SelectMany(index => numbers[(index * size)..((index + 1) * size)])];

    private static void Refused(byte[] file, string fault)
    {
        string message = Assert.Throws<WeightFormatException>(() => WeightFile.Open(file)).Message;
        Assert.Contains(fault, message, StringComparison.Ordinal);
        Assert.DoesNotContain(message, char.IsControl);
    }
}
