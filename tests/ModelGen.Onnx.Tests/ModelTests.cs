namespace ModelGen.Onnx.Tests;

public sealed class ModelTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("modelgen-onnx").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void SaveAndLoad_RoundTrips()
    {
        OnnxModel model = Graphs.Cnn();
        string path = Path.Combine(folder, "model.onnx");
        model.Save(path);
        model.Save(path);
        Assert.Equal(model.Proto, OnnxModel.Load(path).Proto);
        Assert.Equal([path], Directory.GetFiles(folder));
    }

    [Fact]
    public void SaveThatFails_LeavesTheOldFileAndNoOther()
    {
        string path = Path.Combine(folder, "model.onnx");
        Directory.CreateDirectory(path);
        Assert.ThrowsAny<Exception>(() => Graphs.Cnn().Save(path));
        Assert.Empty(Directory.GetFiles(folder));
        Assert.ThrowsAny<IOException>(() => Graphs.Cnn().Save(Path.Combine(folder, "missing", "model.onnx")));
    }

    [Fact]
    public void DamagedFiles_AreRefusedWithTheirName()
    {
        byte[] whole = Graphs.Cnn().ToByteArray();
        string path = Path.Combine(folder, "bad.onnx");
        foreach (byte[] bytes in new[] { [], whole[..(whole.Length / 2)], [.. Enumerable.Repeat((byte)0xff, 100)], System.Text.Encoding.UTF8.GetBytes("not a model") })
        {
            File.WriteAllBytes(path, bytes);
            Assert.Contains("bad.onnx", Assert.Throws<OnnxFormatException>(() => OnnxModel.Load(path)).Message);
        }
    }

    [Fact]
    public void Builder_RefusesWhatOnnxRuntimeWould()
    {
        var g = new OnnxGraphBuilder("g");
        g.Input("x", OnnxType.Float, [1]);
        g.Node("Relu", "/a", ["x"], [("y", OnnxType.Float, [1])]);
        Assert.Contains("two nodes", Assert.Throws<ArgumentException>(() => g.Node("Relu", "/a", ["x"], [("z", OnnxType.Float, [1])])).Message);
        Assert.Contains("'w'", Assert.Throws<ArgumentException>(() => g.Node("Relu", "/b", ["w"], [("z", OnnxType.Float, [1])])).Message);
        Assert.Contains("'y'", Assert.Throws<ArgumentException>(() => g.Node("Relu", "/c", ["x"], [("y", OnnxType.Float, [1])])).Message);
        Assert.Throws<InvalidOperationException>(g.Build);
        g.Output("nothing", OnnxType.Float, [1]);
        Assert.Throws<InvalidOperationException>(g.Build);
        Assert.Throws<ArgumentException>(() => g.Initializer<float>("c", [3], [1f]));
    }

    [Fact]
    public void OmittedOptionalInputs_AreAccepted()
    {
        var g = new OnnxGraphBuilder("clip");
        g.Input("x", OnnxType.Float, [3]);
        g.Initializer<float>("max", [], [0.5f]);
        g.Node("Clip", "/Clip", ["x", "", "max"], [("y", OnnxType.Float, [3])]);
        g.Output("y", OnnxType.Float, [3]);
        using var runner = new OnnxRunner(g.Build());
        float[] result = runner.Run(new Dictionary<string, OnnxTensor> { ["x"] = OnnxTensor.From<float>([-1, 0, 1], 3) })["y"].AsSpan<float>().ToArray();
        Assert.Equal([-1, 0, 0.5f], result);
    }

    [Fact]
    public void Tensors_CheckTheirTypeAndSize()
    {
        Assert.Equal([1L, 2L], OnnxTensor.From<long>([1, 2], 2).AsSpan<long>().ToArray());
        Assert.Throws<InvalidOperationException>(() => OnnxTensor.From<long>([1, 2], 2).AsSpan<float>().Length);
        Assert.Throws<ArgumentException>(() => OnnxTensor.From<float>([1, 2], 3));
    }
}
