using ModelGen.EndToEnd.Tests.Models;
using ModelGen.Onnx;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>What users see of a generated model beside its numbers.</summary>
public sealed class ModelTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("modelgen-e2e").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void StateDictKeys_AreCamelCase_AndFollowBlocksAndLists()
    {
        using var model = new ResidualNet();
        string[] keys = [.. model.state_dict().Keys];
        Assert.Contains("stem.weight", keys);
        Assert.Contains("stage1.conv1.weight", keys);
        Assert.Contains("stages.0.norm1.running_mean", keys);
        Assert.Contains("stages.1.shortcut.bias", keys);
        Assert.DoesNotContain("stage1.shortcut.bias", keys);
        Assert.Equal(keys.Length, keys.Distinct().Count());
        using var mlp = new Mlp();
        Assert.Contains("second.weight", mlp.state_dict().Keys);
        using var element = new ElementwiseNet();
        Assert.Contains("gain", element.state_dict().Keys);
    }

    [Fact]
    public void Weights_TravelThroughTorchSharpsOwnFormat()
    {
        using var first = new ResidualNet();
        using var second = new ResidualNet();
        string path = Path.Combine(folder, "weights.dat");
        first.save(path);
        second.load(path);
        using Tensor x = randn(2, 2, 8, 8);
        using Tensor a = first.Infer(x);
        using Tensor b = second.Infer(x);
        Assert.True(a.allclose(b));
    }

    [Fact]
    public void EagerModel_SeesTheStepsUpdates_AndKeepsThemAfterDispose()
    {
        using var model = new Mlp();
        using Tensor before = model.state_dict()["out.weight"].clone();
        using Tensor x = randn(4, 6);
        using Tensor y = randn(4, 3);
        using (TrainingStep step = ((ICompiledModel)model).CreateTrainingStep(new OptimizerSettings(Optimizer.SGD, 0.1)))
        {
            step.Run([x], y);
        }

        Assert.False(before.allclose(model.state_dict()["out.weight"]));
        using Tensor eager = model.forward(x);
        using Tensor fused = model.Infer(x);
        Assert.True(eager.allclose(fused, 1e-5, 1e-6));
    }

    [Fact]
    public void Infer_FollowsAChangeOfType()
    {
        using var model = new Mlp();
        using Tensor x = randn(2, 6);
        model.Infer(x).Dispose();
        model.to(ScalarType.Float64);
        model.to(ScalarType.Float32);
        using Tensor eager = model.forward(x);
        using Tensor fused = model.Infer(x);
        Assert.True(eager.allclose(fused, 1e-5, 1e-6));
    }

    [Fact]
    public void WrongInputs_AreRefusedWithBothShapes()
    {
        using var model = new SimpleCnn();
        using Tensor wrong = randn(2, 1, 12, 13);
        string message = Assert.Throws<ArgumentException>(() => model.Infer(wrong)).Message;
        Assert.Contains("[2, 1, 12, 13]", message);
        Assert.Contains("[N, 1, 12, 12]", message);
        using Tensor single = randn(1, 12, 12);
        Assert.Contains("unsqueeze(0)", Assert.Throws<ArgumentException>(() => model.Infer(single)).Message);
        using Tensor wide = randn(2, 1, 12, 12, ScalarType.Float64);
        Assert.Contains("Float64", Assert.Throws<ArgumentException>(() => model.Infer(wide)).Message);
    }

    [Fact]
    public void BlockWithoutAModel_SaysWhatToDo()
    {
        using var block = new ResidualBlock(4);
        using Tensor x = randn(1, 4, 5, 5);
        Assert.Contains("made by the model that holds it", Assert.Throws<InvalidOperationException>(() => block.forward(x)).Message);
    }

    [Fact]
    public void Summary_CountsParameters()
    {
        using var model = new ResidualNet();
        Assert.Equal(model.parameters().Sum(static parameter => parameter.numel()), ResidualNet.Summary.Parameters);
        Assert.Contains("stages.1.conv2", ResidualNet.Summary.ToString());
        Assert.All(ResidualNet.Summary.Memory, static plan => Assert.True(plan.TrainingPeakBytes > plan.InferencePeakBytes));
    }

    [Fact]
    public void Verify_ComparesAllFourPaths()
    {
        random.manual_seed(3);
        using var model = new NormalizedCnn();
        model.train();
        using Tensor images = randn(40, 3, 8, 8);
        using Tensor labels = randint(0, 5, [40], dtype: ScalarType.Int64);
        VerifyReport report = model.Verify(images, new VerifyOptions { Labels = labels, Calibration = [images], LatencyCalls = 3 });
        Assert.True(report.Passed, report.ToString());
        Assert.Equal(["eager", "fused", "onnx", "int8"], report.Rows.Select(static row => row.Path));
        Assert.True(report["int8"].MaxRelativeError < 0.1, report.ToString());
        Assert.True(model.training);
    }

    [Fact]
    public void QuantizedCnn_RunsInIntegers()
    {
        using var model = new ResidualNet();
        using Tensor images = randn(20, 2, 8, 8);
        string path = Path.Combine(folder, "int8.onnx");
        model.ExportQuantizedOnnx(path, images);
        IntegerNodeCheck check = IntegerNodeCheck.Inspect(OnnxModel.Load(path));
        Assert.True(check.FloatNodes.Count == 0, string.Join(", ", check.FloatNodes));
        Assert.Equal(8, check.IntegerNodes["QLinearConv"]);
    }

    [Fact]
    public void Session_ReadsItsOwnFile_AndRefusesAnother()
    {
        using var model = new SimpleCnn();
        string path = Path.Combine(folder, "model.onnx");
        model.ExportOnnx(path, new OnnxExportOptions { BatchSize = 2 });
        using Tensor images = randn(2, 1, 12, 12);
        using SimpleCnn.Session session = SimpleCnn.OpenSession(path);
        float[] scores = new float[20];
        session.Run(images.data<float>().ToArray(), scores);
        using Tensor expected = model.Infer(images);
        Assert.Equal(expected.data<float>().ToArray(), scores, static (a, b) => Math.Abs(a - b) < 1e-5);
        Assert.Throws<OnnxContractException>(() => NormalizedCnn.OpenSession(path));
    }

    [Fact]
    public void Session_AllocatesNoManagedMemory()
    {
        using var model = new SimpleCnn();
        string path = Path.Combine(folder, "model.onnx");
        model.ExportOnnx(path);
        using SimpleCnn.Session session = SimpleCnn.OpenSession(path);
        float[] image = new float[144];
        float[] scores = new float[10];
        session.Run(image, scores);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 50; i++)
        {
            session.Run(image, scores);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void OnnxGraph_FoldsBatchNorm_AndCarriesTheClassName()
    {
        using var model = new NormalizedCnn();
        OnnxModel onnx = model.ToOnnx();
        Assert.DoesNotContain(onnx.Proto.Graph.Node, static node => node.OpType is "BatchNormalization" or "Dropout" or "Identity");
        Assert.Equal("NormalizedCnn", onnx.Metadata[OnnxContract.ModelKey]);
    }

    [Fact]
    public void ModelThatCannotBeExported_WorksOtherwise_AndSaysWhy()
    {
        using var model = new NotExportable();
        using Tensor x = randn(2, 1, 7, 7);
        using Tensor fused = model.Infer(x);
        using Tensor eager = model.forward(x);
        Assert.True(eager.allclose(fused));
        Assert.Contains("divides the input", Assert.Throws<NotSupportedException>(() => model.ToOnnx()).Message);
        Assert.Contains("[Train", Assert.Throws<InvalidOperationException>(() => ((ICompiledModel)model).CreateTrainingStep(new OptimizerSettings(Optimizer.SGD, 1))).Message);
    }

    [Fact]
    public void ModelsOnTwoThreads_DoNotDisturbEachOther()
    {
        double[] losses = new double[2];
        Parallel.For(0, 2, new ParallelOptions { MaxDegreeOfParallelism = 2 }, index =>
        {
            using var model = new Mlp();
            using Tensor x = ones(8, 6);
            using Tensor y = ones(8, 3);
            using TrainingStep step = ((ICompiledModel)model).CreateTrainingStep(new OptimizerSettings(Optimizer.SGD, 0.05));
            for (int i = 0; i < 200; i++)
            {
                step.Run([x], y);
                Tensor loss = step.Loss;
                losses[index] = loss.ToDouble();
            }
        });
        Assert.All(losses, static loss => Assert.True(loss < 1e-3, $"loss {loss}"));
    }
}
