using Microsoft.ML.OnnxRuntime;
using ModelGen.EndToEnd.Tests.Models;
using ModelGen.Onnx;
using TorchSharp;
using Linear = TorchSharp.Modules.Linear;
using TensorDataset = ModelGen.Data.TensorDataset;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Training that rounds as the integer model does.</summary>
public sealed partial class QuantizationAwareTests : IDisposable
{
    private readonly string path = Path.Combine(Path.GetTempPath(), $"modelgen-{Guid.NewGuid():N}.onnx");

    public void Dispose() => File.Delete(path);

    /// <summary>The exported integer model computes what the rounding inference computes.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Mlp_RoundsAsTheExportedModel(bool onKernels)
    {
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        using IDisposable scope = NewDisposeScope();
        random.manual_seed(3);
        using var model = new RoundedMlp();
        RequireSame(model, model.Calibrate, model.InferQuantized, path => model.ExportQuantizedOnnx(path, new QuantizationOptions { Export = new OnnxExportOptions { BatchSize = 16 } }), randn(400, 12), randn(16, 12));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Cnn_RoundsAsTheExportedModel(bool onKernels)
    {
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        using IDisposable scope = NewDisposeScope();
        random.manual_seed(4);
        using var model = new RoundedCnn();
        Warm(model, () => randn(16, 2, 12, 12));
        RequireSame(model, model.Calibrate, model.InferQuantized, path => model.ExportQuantizedOnnx(path), randn(160, 2, 12, 12), randn(16, 2, 12, 12), ties: 0.25);
    }

    /// <summary>Weights of 4 and 7 bits and of one scale round as the exported model too.</summary>
    [Theory]
    [InlineData(true, 4, true)]
    [InlineData(true, 4, false)]
    [InlineData(false, 4, false)]
    [InlineData(true, 7, true)]
    [InlineData(true, 8, false)]
    [InlineData(false, 8, false)]
    public void NarrowWeights_RoundAsTheExportedModel(bool onKernels, int bits, bool perChannel)
    {
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        using IDisposable scope = NewDisposeScope();
        random.manual_seed(7);
        var weights = new StaticQuantizationOptions { WeightBits = bits == 4 ? 4 : 8, ReduceRange = bits == 7, PerChannel = perChannel };
        using var images = new RoundedCnn();
        Warm(images, () => randn(16, 2, 12, 12));
        RequireSame(images, images.Calibrate, images.InferQuantized, path => images.ExportQuantizedOnnx(path), randn(160, 2, 12, 12), randn(16, 2, 12, 12), ties: 0.25, new QuantizationOptions { Static = weights });
        using var text = new RoundedText();
        Tensor Tokens(int count) => randint(0, 30, [count, 10], dtype: ScalarType.Int64);
        RequireSame(text, text.Calibrate, text.InferQuantized, path => text.ExportQuantizedOnnx(path), Tokens(160), Tokens(8), options: new QuantizationOptions { Static = weights });
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Squeeze_RoundsAsTheExportedModel(bool onKernels)
    {
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        using IDisposable scope = NewDisposeScope();
        random.manual_seed(5);
        using var model = new RoundedSqueeze();
        Warm(model, () => randn(16, 3, 16, 16));
        RequireSame(model, model.Calibrate, model.InferQuantized, path => model.ExportQuantizedOnnx(path), randn(160, 3, 16, 16), randn(16, 3, 16, 16));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Text_RoundsAsTheExportedModel(bool onKernels)
    {
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        using IDisposable scope = NewDisposeScope();
        random.manual_seed(6);
        using var model = new RoundedText();
        Tensor Tokens(int count) => randint(0, 30, [count, 10], dtype: ScalarType.Int64);
        RequireSame(model, model.Calibrate, model.InferQuantized, path => model.ExportQuantizedOnnx(path), Tokens(160), Tokens(8));
    }

    /// <summary>
    /// The integer model gives the same numbers but for the order of sums, literally (nodes as they are written) and with ONNX Runtime's integer kernels. A sum that lies at the middle of two
    /// integers may then round either way, and everything behind it differs by about one step; that happens to few samples of a large model, and is small against the noise of rounding.
    /// </summary>
    private void RequireSame(Module model, Action<CalibrationData, QuantizationOptions?> calibrate, Func<Tensor, Tensor> infer, Action<string> export, Tensor samples, Tensor input, double ties = 0, QuantizationOptions? options = null)
    {
        model.eval();
        calibrate(samples, options);
        export(path);
        Tensor expected = infer(input).reshape(input.shape[0], -1);
        Tensor plain = ((ICompiledModel)model).InferBatch([input]).reshape(input.shape[0], -1);
        double noise = (expected - plain).abs().max().ToDouble();
        double largest = expected.abs().max().ToDouble();
        Assert.True(noise > 1e-3 * largest, "the rounding must be visible");
        foreach (GraphOptimizationLevel level in new[] { GraphOptimizationLevel.ORT_DISABLE_ALL, GraphOptimizationLevel.ORT_ENABLE_ALL })
        {
            Tensor actual = Run(level, input).reshape(expected.shape);
            Tensor apart = (actual - expected).abs().amax([1L]) / largest;
            double different = (apart > 1e-6).to_type(ScalarType.Float64).mean().ToDouble();
            Assert.True(different <= ties, $"{level}: {different:P0} of the samples differ, by at most {apart.max().ToDouble() * largest / noise:G3} of the noise");
            Assert.InRange(apart.max().ToDouble() * largest, 0, noise);
        }
    }

    private Tensor Run(GraphOptimizationLevel level, Tensor input)
    {
        using var options = new SessionOptions { GraphOptimizationLevel = level };
        using var session = new InferenceSession(path, options);
        OrtValue value = input.dtype == ScalarType.Int64
            ? OrtValue.CreateTensorValueFromMemory(input.data<long>().ToArray(), input.shape)
            : OrtValue.CreateTensorValueFromMemory(input.data<float>().ToArray(), input.shape);
        using var run = new RunOptions();
        using IDisposableReadOnlyCollection<OrtValue> results = session.Run(run, session.InputNames, [value], session.OutputNames);
        value.Dispose();
        return tensor(results[0].GetTensorDataAsSpan<float>().ToArray());
    }

    /// <summary>Loss and gradients of a step against the network written out with TorchSharp's autograd in float64, rounding hidden from it by <c>detach</c>.</summary>
    [Theory]
    [InlineData(true, 8, true)]
    [InlineData(false, 8, true)]
    [InlineData(true, 4, false)]
    [InlineData(false, 4, false)]
    public void Step_HasTheGradientsOfTheStraightThroughEstimator(bool onKernels, int bits, bool perChannel)
    {
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        using IDisposable scope = NewDisposeScope();
        random.manual_seed(11);
        using var model = new RoundedMlp();
        model.Calibrate(randn(200, 12), new QuantizationOptions { Static = new() { WeightBits = bits, PerChannel = perChannel } });

        // Beyond the calibrated range on both sides, where gradients stop.
        Tensor x = randn(32, 12) * 2;
        Tensor target = randint(0, 5, [32], dtype: ScalarType.Int64);
        using TrainingStep step = ((ICompiledModel)model).CreateTrainingStep(OptimizerSettings.From(((ICompiledModel)model).TrainSettings!) with { LearningRate = 0 });
        Assert.Equal(onKernels, step is KernelStep);
        step.Run([x], target);
        ActivationScale[] scales = [.. model.Quantization.Activations];
        Assert.Equal(["x", "relu", "relu_2"], scales.Select(static scale => scale.Name));
        (string Name, Linear Layer)[] layers = [("first", model.FirstLayer), ("second", model.SecondLayer), ("classify", model.ClassifyLayer)];
        var leaves = new Dictionary<string, Tensor>();
        Tensor y = Rounded(Wide(x), tensor((double)scales[0].Scale), scales[0].ZeroPoint, 0, 255);
        for (int i = 0; i < 3; i++)
        {
            Tensor weight = leaves[layers[i].Name + ".weight"] = Wide(layers[i].Layer.weight!).requires_grad_();
            Tensor bias = leaves[layers[i].Name + ".bias"] = Wide(layers[i].Layer.bias!).requires_grad_();
            int largest = bits == 4 ? 7 : 127;
            Tensor weightScale = (layers[i].Layer.weight!.detach().abs().amax(perChannel ? [1L] : [0L, 1L], keepdim: true) / (float)largest).to_type(ScalarType.Float64);
            y = functional.linear(y, Rounded(weight, weightScale, 0, -largest, largest), Rounded(bias, weightScale.squeeze(1) * scales[i].Scale, 0, -1e9, 1e9));
            y = i == 2 ? y : Rounded(y.relu(), tensor((double)scales[i + 1].Scale), scales[i + 1].ZeroPoint, 0, 255);
        }

        Tensor loss = functional.cross_entropy(y, target);
        loss.backward();
        Compare.Close(loss, step.Loss, 1e-5, "loss");
        Assert.All(Enumerable.Range(0, 6), i => Compare.Close(leaves[step.Gradients.Slices[i].Name].grad!, step.Gradients[i], 2e-4, step.Gradients.Slices[i].Name));
        using (no_grad())
        {
            // Where the range ends, gradients do too: without that the comparison would fail.
            double outside = ((x / scales[0].Scale).round() > 255 - scales[0].ZeroPoint).to_type(ScalarType.Float64).mean().ToDouble();
            Assert.InRange(outside, 0.01, 0.5);
        }
    }

    private static Tensor Wide(Tensor tensor) => tensor.detach().to_type(ScalarType.Float64);

    /// <summary>Straight through in range, and no gradient outside.</summary>
    private static Tensor Rounded(Tensor x, Tensor scale, double zero, double low, double high)
    {
        Tensor integer = (x / scale).detach().round();
        Tensor kept = x * (integer >= low - zero).logical_and(integer <= high - zero).to_type(ScalarType.Float64);
        return kept + ((integer.clamp(low - zero, high - zero) * scale) - kept).detach();
    }

    /// <summary>What stays fixed stays: running statistics and scales; what learns learns; and the exported model scores what the trainer measured.</summary>
    [Fact]
    public void Fit_TrainsTheRoundedModel_AndExportsIt()
    {
        using IDisposable scope = NewDisposeScope();
        random.manual_seed(21);
        using var model = new RoundedCnn();
        TensorDataset data = Images(128);
        using var trainer = model.CreateTrainer(new TrainerOptions { Epochs = 3, Progress = TrainingProgress.None });
        trainer.Fit(data);
        TrainingStep before = trainer.Step;
        EvaluationResult plain = trainer.Evaluate(data);
        Tensor images = data.ToTensors(0, 128).Inputs[0];
        model.Calibrate(images);
        EvaluationResult rounded = trainer.Evaluate(data);
        Assert.NotEqual(plain.Loss, rounded.Loss);
        Dictionary<string, Tensor> fixedValues = model.named_buffers().Where(static pair => pair.name.Length > 0).ToDictionary(static pair => pair.name, static pair => pair.buffer.clone());
        FitResult result = trainer.Fit(data);
        Assert.NotSame(before, trainer.Step);
        Assert.True(trainer.Evaluate(data).Loss < rounded.Loss);
        Assert.Equal(3, result.Epochs.Count);
        foreach ((string name, Tensor buffer) in model.named_buffers().Where(static pair => pair.name.Length > 0))
        {
            Assert.True((buffer == fixedValues[name]).all().ToBoolean(), name);
        }

        model.ExportQuantizedOnnx(path);
        model.eval();
        Tensor expected = model.InferQuantized(images[..16]);
        Assert.InRange((Run(GraphOptimizationLevel.ORT_ENABLE_ALL, images[..16]).reshape(expected.shape) - expected).abs().max().ToDouble(), 0, 0.05 * expected.abs().max().ToDouble());
        TrainingStep rounding = trainer.Step;
        model.Quantization.Reset();
        Assert.False(model.Quantization.IsCalibrated);
        Assert.NotSame(rounding, trainer.Step);
    }

    /// <summary>
    /// The order that users of quantization-aware training know: float32, then rounding, then frozen batch normalisation. Two fits do it: the calibration keeps the weights, the second fit begins
    /// with them, rounds from its first step on and leaves the statistics of the first.
    /// </summary>
    [Fact]
    public void TwoFits_CarryTheWeightsFromFloatToRounding()
    {
        using IDisposable scope = NewDisposeScope();
        random.manual_seed(81);
        using var model = new RoundedCnn();
        TensorDataset data = Images(128);
        var first = new TrainerOptions { Epochs = 3, Progress = TrainingProgress.None };
        using (var trainer = model.CreateTrainer(first))
        {
            trainer.Fit(data);
        }

        Dictionary<string, Tensor> trained = Checkpoint.Tensors(model).ToDictionary(static pair => pair.Name, static pair => pair.Tensor.clone());
        model.Calibrate(data.ToTensors(0, 128).Inputs[0], new QuantizationOptions { Static = new StaticQuantizationOptions { WeightBits = 4 } });
        foreach ((string name, Tensor tensor) in trained)
        {
            Assert.True((Checkpoint.Tensors(model).Single(pair => pair.Name == name).Tensor == tensor).all().ToBoolean(), name);
        }

        double before;
        using (var judge = model.CreateTrainer(first))
        {
            before = judge.Evaluate(data).Loss;
        }

        using var tuner = model.CreateTrainer(first with { LearningRate = 1e-3 });
        FitResult tuned = tuner.Fit(data);
        double after = tuner.Evaluate(data).Loss;
        Assert.True(after < before, $"{after} from {before}");

        // An untrained model, or one that had lost its weights, would begin near the logarithm of four classes.
        Assert.InRange(tuned.Epochs[0].TrainLoss, 0, (before + Math.Log(4)) / 2);
        foreach ((string name, Tensor tensor) in Checkpoint.Tensors(model).Where(pair => trained.ContainsKey(pair.Name)))
        {
            Assert.Equal(name.Contains("running_", StringComparison.Ordinal) || name.Contains("num_batches", StringComparison.Ordinal), (tensor == trained[name]).all().ToBoolean());
        }
    }

    [Fact]
    public void Fit_ResumedFromACheckpoint_IsTheFitThatWasNotInterrupted()
    {
        using IDisposable scope = NewDisposeScope();
        TensorDataset data = Images(64);
        Tensor images = data.ToTensors(0, 64).Inputs[0];
        string folder = path + ".checkpoints";
        try
        {
            using RoundedCnn whole = Start();
            Fit(whole, 4, null);
            using RoundedCnn first = Start();
            Fit(first, 2, folder);

            // Other scales, as if found from other samples: those of the checkpoint count.
            using RoundedCnn second = Start();
            second.Calibrate(images * 3);
            Fit(second, 4, folder);
            foreach ((string name, Tensor tensor) in Checkpoint.Tensors(whole))
            {
                Assert.True((tensor == Checkpoint.Tensors(second).Single(pair => pair.Name == name).Tensor).all().ToBoolean(), name);
            }
        }
        finally
        {
            Directory.Delete(folder, true);
        }

        RoundedCnn Start()
        {
            random.manual_seed(31);
            var model = new RoundedCnn();
            model.Calibrate(images);
            return model;
        }

        void Fit(RoundedCnn model, int epochs, string? checkpoints)
        {
            using var trainer = model.CreateTrainer(new TrainerOptions { Epochs = epochs, Progress = TrainingProgress.None, Checkpoints = checkpoints is null ? null : new CheckpointOptions(checkpoints) });
            trainer.Fit(data);
        }
    }

    [Fact]
    public void State_CarriesTheScales()
    {
        using IDisposable scope = NewDisposeScope();
        random.manual_seed(41);
        using var model = new RoundedMlp();
        using var twin = new RoundedMlp();
        Assert.Contains("Calibrate", Assert.Throws<InvalidOperationException>(() => twin.ExportQuantizedOnnx(path)).Message);
        Assert.Contains("Prepare", Assert.Throws<InvalidOperationException>(() => twin.InferQuantized(randn(2, 12))).Message);
        model.Calibrate(randn(100, 12), new QuantizationOptions { Static = new() { WeightBits = 4, PerChannel = false } });
        twin.Quantization.Prepare();
        twin.load_state_dict(model.state_dict());
        Assert.Equal(model.Quantization.Activations, twin.Quantization.Activations, static (a, b) => a.Name == b.Name && a.Scale == b.Scale && a.ZeroPoint == b.ZeroPoint);
        Tensor x = randn(7, 12);
        Assert.True((model.InferQuantized(x) == twin.InferQuantized(x)).all().ToBoolean());
        model.ExportQuantizedOnnx(path);
        byte[] expected = File.ReadAllBytes(path);
        twin.ExportQuantizedOnnx(path);
        Assert.Equal(expected, File.ReadAllBytes(path));
        Assert.Contains("WeightBits", Assert.Throws<ArgumentException>(() => twin.ExportQuantizedOnnx(path, new QuantizationOptions { Static = new() })).Message);
    }

    /// <summary>Nodes that the options leave float are float in training; an export with other options is refused instead of being another model.</summary>
    [Fact]
    public void ExcludedNodes_StayFloatInTraining()
    {
        using IDisposable scope = NewDisposeScope();
        random.manual_seed(51);
        using var model = new RoundedMlp();
        string node = model.ToOnnx().Proto.Graph.Node.First(static node => node.OpType == "Gemm").Name;
        var options = new QuantizationOptions { Static = new StaticQuantizationOptions { ExcludeNodes = [node] } };
        model.Calibrate(randn(100, 12), options);
        Assert.Equal(["relu", "relu_2"], model.Quantization.Activations.Select(static scale => scale.Name));
        model.ExportQuantizedOnnx(path, new QuantizationOptions { Export = new OnnxExportOptions { BatchSize = 16 } });
        Tensor x = randn(16, 12);
        Compare.Close(model.InferQuantized(x), Run(GraphOptimizationLevel.ORT_ENABLE_ALL, x).reshape(16, 5), 1e-6, "output");
        Assert.Contains("others than those of the calibration", Assert.Throws<ArgumentException>(() => model.ExportQuantizedOnnx(path, new QuantizationOptions { Static = new() })).Message);
        Assert.Contains("ExcludeNodes", Assert.Throws<NotSupportedException>(() => new FakeQuantization(model, ["x"], []).Calibrate(model.ToOnnx(), randn(10, 12), null, Calibration.MinMax)).Message);
        Assert.Contains("UInt8", Assert.Throws<ArgumentException>(() => model.Calibrate(randn(10, 12), new QuantizationOptions { Static = new() { ActivationType = OnnxType.Int8 } })).Message);
        Assert.Contains("change the weights", Assert.Throws<ArgumentException>(() => model.Calibrate(randn(10, 12), new QuantizationOptions { Static = new() { CorrectBias = true } })).Message);
    }

    /// <summary>Images whose class is the place of a bright square.</summary>
    private static TensorDataset Images(int count)
    {
        random.manual_seed(61);
        Tensor target = randint(0, 4, [count], dtype: ScalarType.Int64);
        Tensor images = randn(count, 2, 12, 12) * 0.5;
        long[] places = target.data<long>().ToArray();
        for (int i = 0; i < count; i++)
        {
            (int row, int column) = ((int)places[i] / 2 * 6, (int)places[i] % 2 * 6);
            images[i, 0, row..(row + 5), column..(column + 5)] += 1;
        }

        return TensorDataset.FromTensors([images], target);
    }

    /// <summary>Moves the running statistics away from where they start.</summary>
    private static void Warm<TModel>(TModel model, Func<Tensor> sample)
        where TModel : Module<Tensor, Tensor>
    {
        using IDisposable guard = no_grad();
        model.train();
        for (int i = 0; i < 20; i++)
        {
            using Tensor result = model.call(sample());
        }
    }
}
