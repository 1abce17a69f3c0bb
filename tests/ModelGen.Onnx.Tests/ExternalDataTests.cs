using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Tests;

public sealed class ExternalDataTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("modelgen-external").FullName;

    private string ModelFile => Path.Combine(folder, "model.onnx");

    private string DataFile => Assert.Single(Directory.GetFiles(folder, "*.data"));

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Constants_RoundTripThroughAFileOfTheirOwn()
    {
        OnnxModel model = Graphs.Cnn();
        model.Save(ModelFile, new OnnxSaveOptions { ExternalData = true, ExternalDataThreshold = 256 });
        Assert.Equal(model.Proto, OnnxModel.Load(ModelFile).Proto);
        ModelProto stored = ModelProto.Parser.ParseFrom(File.ReadAllBytes(ModelFile));
        TensorProto[] external = [.. stored.Graph.Initializer.Where(static tensor => tensor.DataLocation == TensorProto.Types.DataLocation.External)];
        Assert.Equal(["conv1.weight", "conv2.weight", "fc1.weight", "fc2.weight"], external.Select(static tensor => tensor.Name));
        Assert.All(external, static tensor => Assert.Equal(0, long.Parse(tensor.ExternalData.Single(static entry => entry.Key == "offset").Value) % 4096));
        Assert.Equal(Path.GetFileName(DataFile), external[0].ExternalData.Single(static entry => entry.Key == "location").Value);
    }

    [Fact]
    public void OnnxRuntime_ReadsTheFilesItself()
    {
        Graphs.Cnn().Save(ModelFile, new OnnxSaveOptions { ExternalData = true });
        using var session = new Microsoft.ML.OnnxRuntime.InferenceSession(ModelFile);
        Assert.Equal(["scores"], session.OutputNames);
    }

    [Fact]
    public void AnotherVersion_LeavesNoOldData()
    {
        Graphs.Cnn().Save(ModelFile, new OnnxSaveOptions { ExternalData = true });
        string first = DataFile;
        OnnxModel changed = Graphs.Cnn();
        changed.Proto.Graph.Initializer[2].RawData = Google.Protobuf.ByteString.CopyFrom(new byte[changed.Proto.Graph.Initializer[2].RawData.Length]);
        changed.Save(ModelFile, new OnnxSaveOptions { ExternalData = true });
        Assert.NotEqual(first, DataFile);
        Assert.Equal(changed.Proto, OnnxModel.Load(ModelFile).Proto);
        changed.Save(ModelFile);
        Assert.Equal([ModelFile], Directory.GetFiles(folder));
    }

    [Fact]
    public void ModelsTooLargeForOneFile_GetExternalDataByThemselves()
    {
        Graphs.Cnn().Save(ModelFile, new OnnxSaveOptions { LargestFile = 10_000 });
        Assert.True(new FileInfo(DataFile).Length > 0);
        OnnxModel.Load(ModelFile);
    }

    [Fact]
    public void SaveThatFails_LeavesTheOldPair()
    {
        Graphs.Cnn().Save(ModelFile, new OnnxSaveOptions { ExternalData = true });
        string[] before = [.. Directory.GetFiles(folder).Order()];
        string blocked = Path.Combine(folder, "blocked.onnx");
        Directory.CreateDirectory(blocked);
        Assert.ThrowsAny<Exception>(() => Graphs.Cnn().Save(blocked, new OnnxSaveOptions { ExternalData = true }));
        Assert.Equal(before, Directory.GetFiles(folder).Order());
    }

    [Theory]
    [InlineData("../secret.bin")]
    [InlineData("sub/../../secret.bin")]
    [InlineData("/etc/hostname")]
    [InlineData("..\\secret.bin")]
    [InlineData("a//b")]
    [InlineData("./a")]
    [InlineData("")]
    [InlineData("file:///etc/hostname")]
    public void PathsOutOfTheFolder_AreRefused(string location)
    {
        File.WriteAllBytes(Path.Combine(folder, "secret.bin"), new byte[10_000]);
        string inner = Directory.CreateDirectory(Path.Combine(folder, "inner")).FullName;
        string path = Path.Combine(inner, "model.onnx");
        Refer(path, location, "0", null);
        Assert.Contains("not a plain path", Assert.Throws<OnnxFormatException>(() => OnnxModel.Load(path)).Message);
    }

    [Fact]
    public void Links_AreRefused()
    {
        File.WriteAllBytes(Path.Combine(folder, "secret.bin"), new byte[10_000]);
        string inner = Directory.CreateDirectory(Path.Combine(folder, "inner")).FullName;
        File.CreateSymbolicLink(Path.Combine(inner, "data.bin"), Path.Combine(folder, "secret.bin"));
        Directory.CreateSymbolicLink(Path.Combine(inner, "up"), folder);
        foreach (string location in new[] { "data.bin", "up/secret.bin" })
        {
            string path = Path.Combine(inner, "model.onnx");
            Refer(path, location, "0", null);
            Assert.Contains("is a link", Assert.Throws<OnnxFormatException>(() => OnnxModel.Load(path)).Message);
        }
    }

    [Theory]
    [InlineData("0", "7", "has 7 bytes, but shape and type need")]
    [InlineData("-1", null, "not a number that fits")]
    [InlineData("99999999999999999999", null, "not a number that fits")]
    [InlineData("9223372036854775807", null, "ends beyond any file")]
    [InlineData("4096", null, "Is the file complete?")]
    [InlineData("0x10", null, "not a number that fits")]
    public void OffsetsAndLengths_AreChecked(string offset, string? length, string message)
    {
        File.WriteAllBytes(Path.Combine(folder, "data.bin"), new byte[1000]);
        Refer(ModelFile, "data.bin", offset, length);
        Assert.Contains(message, Assert.Throws<OnnxFormatException>(() => OnnxModel.Load(ModelFile)).Message);
    }

    [Fact]
    public void MissingFiles_AreNamed()
    {
        Refer(ModelFile, "gone.bin", "0", null);
        Assert.Contains("'gone.bin' is missing", Assert.Throws<OnnxFormatException>(() => OnnxModel.Load(ModelFile)).Message);
    }

    [Fact]
    public void TruncatedData_IsRefused()
    {
        Graphs.Cnn().Save(ModelFile, new OnnxSaveOptions { ExternalData = true });
        using (var stream = new FileStream(DataFile, FileMode.Open))
        {
            stream.SetLength(stream.Length / 2);
        }

        Assert.Contains("Is the file complete?", Assert.Throws<OnnxFormatException>(() => OnnxModel.Load(ModelFile)).Message);
    }

    [Fact]
    public void OverlappingConstants_AreRefused()
    {
        OnnxModel model = Graphs.Cnn();
        File.WriteAllBytes(Path.Combine(folder, "data.bin"), new byte[4000]);
        for (int i = 0; i < 4; i++)
        {
            Refer(model.Proto.Graph.Initializer[i], "data.bin", (i * 8).ToString(), null);
        }

        File.WriteAllBytes(ModelFile, model.ToByteArray());
        Assert.Contains("overlap", Assert.Throws<OnnxFormatException>(() => OnnxModel.Load(ModelFile)).Message);
    }

    /// <summary>Writes a model whose first constant refers to a file.</summary>
    private static void Refer(string path, string location, string offset, string? length)
    {
        OnnxModel model = Graphs.Cnn();
        Refer(model.Proto.Graph.Initializer[0], location, offset, length);
        File.WriteAllBytes(path, model.ToByteArray());
    }

    private static void Refer(TensorProto tensor, string location, string offset, string? length)
    {
        tensor.RawData = Google.Protobuf.ByteString.Empty;
        tensor.DataLocation = TensorProto.Types.DataLocation.External;
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = location });
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = offset });
        if (length is not null)
        {
            tensor.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = length });
        }
    }
}
