using ModelGen.EndToEnd.Tests.Models;
using ModelGen.Onnx;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>What generated members do with the options of export, sessions and Verify.</summary>
public sealed class DeploymentTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("modelgen-deployment").FullName;

    private string ModelFile => Path.Combine(folder, "pixels.onnx");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void RawPixels_AndTheBestClass_GoThroughTheTypedSession()
    {
        using PixelNet model = Trained();
        var random = new Random(3);
        byte[] pixels = new byte[192];
        random.NextBytes(pixels);
        using Tensor bytes = tensor(pixels.Select(static value => (float)value).ToArray(), [1, 8, 8, 3]);
        using Tensor mean = tensor(new[] { 0.5f, 0.4f, 0.3f }, [1, 3, 1, 1]);
        using Tensor deviation = tensor(new[] { 0.2f, 0.25f, 0.3f }, [1, 3, 1, 1]);
        using Tensor expected = model.forward(((bytes.permute(0, 3, 1, 2) / 255) - mean) / deviation);

        model.ExportOnnx(ModelFile, new OnnxExportOptions { BatchSize = 1, RawPixels = true, Output = OnnxOutputForm.Softmax });
        float[] shares = new float[5];
        using (PixelNet.Session session = PixelNet.OpenSession(ModelFile))
        {
            session.RunAs<byte, float>(pixels, shares);
            Assert.Throws<ArgumentException>(() => session.Run(new float[192], shares));
        }

        using Tensor softmax = expected.softmax(1);
        Compare.Close(softmax, tensor(shares, [1, 5]), 1e-5, "probabilities");

        model.ExportOnnx(ModelFile, new OnnxExportOptions { BatchSize = 1, RawPixels = true, Output = OnnxOutputForm.ArgMax });
        using PixelNet.Session best = PixelNet.OpenSession(ModelFile);
        long[] found = new long[1];
        best.RunAs<byte, long>(pixels, found);
        Assert.Equal(expected.argmax(1).item<long>(), found[0]);
    }

    [Fact]
    public void RawPixels_NeedANormalisation()
    {
        using var model = new SimpleCnn();
        Assert.Contains("Normalize", Assert.Throws<InvalidOperationException>(() => model.ToOnnx(new OnnxExportOptions { RawPixels = true })).Message);
        OnnxModel raw = model.ToOnnx(new OnnxExportOptions { Pixels = new OnnxPixels { Mean = [0.1307], StandardDeviation = [0.3081] } });
        Assert.Equal((int)OnnxType.UInt8, raw.Proto.Graph.Input[0].Type.TensorType.ElemType);
    }

    [Fact]
    public async Task SeveralBatchSizes_GetFilesOfTheirOwn_AndAServerTakesThemTogether()
    {
        using PixelNet model = Trained();
        model.ExportOnnx(ModelFile);
        Assert.Equal(["pixels.batch4.onnx", "pixels.onnx"], Directory.GetFiles(folder).Select(Path.GetFileName).Order());
        using (PixelNet.Session session = PixelNet.OpenSession(OnnxExportOptions.BatchFile(ModelFile, 4)))
        {
            Assert.Equal([4L, 3, 8, 8], session.Inputs[0].Shape);
        }

        await using BatchingServer server = BatchingServer.Open(ModelFile);
        Assert.Equal(4, server.MaxBatch);
        using Tensor images = randn(6, 3, 8, 8);
        using Tensor expected = model.forward(images);
        float[] values = images.data<float>().ToArray();
        float[][] outputs = [.. Enumerable.Range(0, 6).Select(static _ => new float[5])];
        await Task.WhenAll(Enumerable.Range(0, 6).Select(i => server.RunAsync<float, float>(values.AsMemory(i * 192, 192), outputs[i])));
        Compare.Close(expected, tensor(outputs.SelectMany(static row => row).ToArray(), [6, 5]), 1e-5, "server");
    }

    [Fact]
    public void OpenBatches_GoThroughTheTypedSession_WithoutAllocations()
    {
        using PixelNet model = Trained();
        model.ExportOnnx(ModelFile, new OnnxExportOptions { OpenSize = "N", Save = new OnnxSaveOptions { ExternalData = true } });
        Assert.Single(Directory.GetFiles(folder, "*.data"));
        using PixelNet.Session session = PixelNet.OpenSession(ModelFile, new InferenceOptions { MaxBatch = 4 });
        foreach (int batch in (int[])[1, 3, 4, 7, 3])
        {
            using Tensor images = randn(batch, 3, 8, 8);
            using Tensor expected = model.forward(images);
            float[] values = images.data<float>().ToArray();
            float[] output = new float[batch * 5];
            session.Run(values, output);
            Compare.Close(expected, tensor(output, [batch, 5]), 1e-5, $"batch {batch}");
            long before = GC.GetAllocatedBytesForCurrentThread();
            session.Run(values, output);
            Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Contains("a multiple of 192", Assert.Throws<ArgumentException>(() => session.Run(new float[100], new float[5])).Message);
        Assert.Contains("no size 'M'", Assert.Throws<ArgumentException>(() => model.ToOnnx(new OnnxExportOptions { OpenSize = "M" })).Message);
    }

    [Fact]
    public void Nodes_SayWhichMemberTheyComeFrom()
    {
        using PixelNet model = Trained();
        Onnx.Proto.NodeProto conv = model.ToOnnx().Proto.Graph.Node.First(static node => node.OpType == "Conv");
        string Entry(string key) => conv.MetadataProps.Single(entry => entry.Key == key).Value;
        Assert.Equal("PixelNet.conv", Entry(OnnxGraphBuilder.MemberKey));
        Assert.Equal("['', 'conv']", Entry("pkg.torch.onnx.name_scopes"));
        Assert.Equal("['PixelNet', 'Conv2d']", Entry("pkg.torch.onnx.class_hierarchy"));
        Assert.Contains("Conv(image)", Entry(OnnxGraphBuilder.SourceKey));
    }

    [Fact]
    public void Float64Weights_AreRefused()
    {
        using var model = new Mlp();
        model.to(ScalarType.Float64);
        string message = Assert.ThrowsAny<Exception>(() => model.ToOnnx()).Message;
        Assert.Contains("float64", message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Verify_ComparesAllOutputs()
    {
        using var model = new TwoInputs();
        using Tensor left = randn(6, 3, 4);
        using Tensor right = randn(6, 5, 6);
        VerifyReport report = model.Verify(left, right, new VerifyOptions { LatencyCalls = 0 });
        Assert.True(report["onnx"].Passed && report["fused"].Passed, report.ToString());
        Assert.Equal(2, report["onnx"].Outputs.Count);
        Assert.Contains("onnx, rel. error by output: ", report.ToString());
    }

    [Fact]
    public void Verify_NamesTheFirstLayerThatDiverges()
    {
        using PixelNet model = Trained();
        using Tensor images = randn(2, 3, 8, 8);
        VerifyReport sound = model.Verify(images, new VerifyOptions { LatencyCalls = 0, Layers = true });
        Assert.Equal(["conv, norm", "classify"], sound.Layers!.Select(static layer => layer.Layer));
        Assert.Null(sound.FirstDivergingLayer);
        Assert.Contains("no layer diverges", sound.ToString());

        OnnxModel broken = model.ToOnnx(new OnnxExportOptions { Optimize = false });
        Onnx.Proto.TensorProto bias = broken.Proto.Graph.Initializer.First(static tensor => tensor.Name == "classify.bias");
        byte[] bytes = bias.RawData.ToByteArray();
        BitConverter.TryWriteBytes(bytes, 3f);
        bias.RawData = Google.Protobuf.ByteString.CopyFrom(bytes);
        var paths = new VerifyPaths(inputs => model.forward(inputs[0]), inputs => model.forward(inputs[0]), 0) { Layers = (model, () => broken), ExportOnnx = path => broken.Save(path) };
        VerifyReport report = Verifier.Compare("PixelNet", [images], paths, new VerifyOptions { LatencyCalls = 0, Layers = true });
        Assert.Equal("classify", report.FirstDivergingLayer!.Layer);
        Assert.False(report.Passed);
        Assert.Contains("first layer that diverges: classify (Linear)", report.ToString());
    }

    private static PixelNet Trained()
    {
        random.manual_seed(5);
        var model = new PixelNet();
        using (no_grad())
        {
            using Tensor batch = randn(8, 3, 8, 8);
            model.forward(batch).Dispose();
        }

        model.eval();
        return model;
    }
}
