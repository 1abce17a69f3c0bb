using ModelGen.EndToEnd.Tests.Models;
using ModelGen.Onnx;
using TorchSharp;
using Linear = TorchSharp.Modules.Linear;
using Parameter = TorchSharp.Modules.Parameter;
using TensorDataset = ModelGen.Data.TensorDataset;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ModelGen.EndToEnd.Tests;

/// <content>Learned step sizes.</content>
public sealed partial class QuantizationAwareTests
{
    /// <summary>Gradients of weights, biases and scales against learned step size quantization written out with autograd in float64.</summary>
    [Theory]
    [InlineData(true, 8, true)]
    [InlineData(false, 8, true)]
    [InlineData(true, 4, true)]
    [InlineData(true, 4, false)]
    [InlineData(false, 4, false)]
    public void LearnedStep_HasTheGradientsOfThePaper(bool onKernels, int bits, bool perChannel)
    {
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        using IDisposable scope = NewDisposeScope();
        random.manual_seed(71);
        int largest = bits == 4 ? 7 : 127;
        using var model = new LearnedMlp();
        model.Calibrate(randn(200, 12), new QuantizationOptions { Static = new() { WeightBits = bits, PerChannel = perChannel } });
        (float[] first, float[] firstWeights) = Scales(model.Quantization, 3, 45);
        using (no_grad())
        {
            // Away from the calibration, so that factors count, and with weights beyond their range.
            foreach (Parameter factors in Factors(model))
            {
                factors.copy_((rand_like(factors) * 0.6) + 0.5).DisposeAliasOf(factors);
            }
        }

        (float[] scales, float[] weightScales) = Scales(model.Quantization, 3, 45);
        Tensor x = randn(32, 12) * 2;
        Tensor target = randint(0, 5, [32], dtype: ScalarType.Int64);
        using TrainingStep step = ((ICompiledModel)model).CreateTrainingStep(OptimizerSettings.From(((ICompiledModel)model).TrainSettings!) with { LearningRate = 0 });
        Assert.Equal(onKernels, step is KernelStep);
        step.Run([x], target);
        int[] zeroPoints = [.. model.Quantization.Activations.Select(static scale => scale.ZeroPoint)];
        Tensor activation = tensor(scales).to_type(ScalarType.Float64).requires_grad_();
        Tensor weight = tensor(weightScales).to_type(ScalarType.Float64).requires_grad_();
        var leaves = new Dictionary<string, Tensor>();
        string[] names = ["first", "second", "classify"];
        Tensor y = Learned(Wide(x), activation[0], zeroPoints[0], 0, 255);
        int offset = 0;
        for (int i = 0; i < 3; i++)
        {
            Linear layer = model.Linears[i];
            int outputs = (int)layer.weight!.shape[0];
            Tensor weights = leaves[names[i] + ".weight"] = Wide(layer.weight!).requires_grad_();
            Tensor bias = leaves[names[i] + ".bias"] = Wide(layer.bias!).requires_grad_();
            Tensor own = perChannel ? weight[offset..(offset + outputs)] : weight[offset..(offset + 1)];
            y = functional.linear(y, Learned(weights, own.unsqueeze(1), 0, -largest, largest), Rounded(bias, (own * activation[i]).detach(), 0, -1e9, 1e9));
            y = i == 2 ? y : Learned(y.relu(), activation[i + 1], zeroPoints[i + 1], 0, 255);
            offset += outputs;
        }

        Tensor loss = functional.cross_entropy(y, target);
        loss.backward();
        Compare.Close(loss, step.Loss, 1e-5, "loss");

        // Section 2.2: one over the square root of the numbers times the largest integer. By the chain rule of the factor, divided by where the scale started.
        double[] features = [.. new[] { 12.0, 24, 16 }.Select((count, i) => 1 / (Math.Sqrt(count * 255) * first[i]))];
        (double Inputs, int Outputs)[] sizes = [(12, 24), (24, 16), (16, 5)];
        double[] inputs = [.. sizes.SelectMany(size => Enumerable.Repeat(size.Inputs * (perChannel ? 1 : size.Outputs), size.Outputs)).Select((count, i) => 1 / (Math.Sqrt(count * largest) * firstWeights[i]))];
        var expected = leaves.ToDictionary(static pair => pair.Key, static pair => pair.Value.grad!);

        // The result has a scale too, which the quantizer leaves out.
        expected["quantization_factors"] = cat([activation.grad! * tensor(features), zeros(1, ScalarType.Float64)]);
        expected["quantization_weight_factors"] = weight.grad! * tensor(inputs);
        for (int i = 0; i < step.Gradients.Slices.Count; i++)
        {
            string name = step.Gradients.Slices[i].Name;
            Assert.True(expected[name].abs().max().ToDouble() > 1e-6, name);
            Compare.Close(expected[name], step.Gradients[i], 3e-4, name);
        }

        Assert.Equal(8, step.Gradients.Slices.Count);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void LearnedCnn_RoundsAsTheExportedModel_AlsoWhenScalesHaveMoved(bool onKernels)
    {
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        using IDisposable scope = NewDisposeScope();
        random.manual_seed(72);
        using var model = new LearnedCnn();
        Warm(model, () => randn(16, 2, 12, 12));
        RequireSame(model, Moved, model.InferQuantized, path => model.ExportQuantizedOnnx(path), randn(160, 2, 12, 12), randn(16, 2, 12, 12), ties: 0.25);

        // The activations still vanish, and what shares a scale shares the learned one.
        Assert.Equal(IntegerNodeCheck.Inspect(Baseline()).Nodes.Count(static node => node.Execution == NodeExecution.Float), IntegerNodeCheck.Inspect(OnnxModel.Load(path)).Nodes.Count(static node => node.Execution == NodeExecution.Float));
        IReadOnlyList<ActivationScale> scales = model.Quantization.Activations;
        Assert.True(scales.Select(static scale => scale.Scale).Distinct().Count() < scales.Count);

        void Moved(CalibrationData samples, QuantizationOptions? options)
        {
            model.Calibrate(samples, options);
            Shift(model);
        }

        OnnxModel Baseline() => Quantizer.QuantizeStatic(model.ToOnnx(), Quantizer.Calibrate(model.ToOnnx(), ((CalibrationData)randn(64, 2, 12, 12)).Batches(model.ToOnnx()))).Model;
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, false)]
    public void LearnedNarrowWeights_RoundAsTheExportedModel_AlsoWhenScalesHaveMoved(bool onKernels, bool perChannel)
    {
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        using IDisposable scope = NewDisposeScope();
        random.manual_seed(76);
        var options = new QuantizationOptions { Static = new StaticQuantizationOptions { WeightBits = 4, PerChannel = perChannel } };
        using var images = new LearnedCnn();
        Warm(images, () => randn(16, 2, 12, 12));
        RequireSame(images, (samples, chosen) => { images.Calibrate(samples, chosen); Shift(images); }, images.InferQuantized, path => images.ExportQuantizedOnnx(path), randn(160, 2, 12, 12), randn(16, 2, 12, 12), ties: 0.25, options);
        using var text = new LearnedText();
        Tensor Tokens(int count) => randint(0, 30, [count, 10], dtype: ScalarType.Int64);
        RequireSame(text, (samples, chosen) => { text.Calibrate(samples, chosen); Shift(text); }, text.InferQuantized, path => text.ExportQuantizedOnnx(path), Tokens(160), Tokens(8), options: options);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void LearnedText_RoundsAsTheExportedModel_AlsoWhenScalesHaveMoved(bool onKernels)
    {
        using IDisposable? library = onKernels ? null : LibraryPath.Use();
        using IDisposable scope = NewDisposeScope();
        random.manual_seed(73);
        using var model = new LearnedText();
        Tensor Tokens(int count) => randint(0, 30, [count, 10], dtype: ScalarType.Int64);
        RequireSame(model, (samples, options) => { model.Calibrate(samples, options); Shift(model); }, model.InferQuantized, path => model.ExportQuantizedOnnx(path), Tokens(160), Tokens(8));
    }

    /// <summary>A fit moves the scales, keeps them positive and leaves statistics and zero points; a fit that resumes is the one that was not interrupted, scales and optimizer state included.</summary>
    [Fact]
    public void LearnedFit_MovesScales_AndResumesBitExactly()
    {
        using IDisposable scope = NewDisposeScope();
        TensorDataset data = Images(64);
        Tensor images = data.ToTensors(0, 64).Inputs[0];
        string folder = path + ".checkpoints";
        try
        {
            using LearnedCnn whole = Start();
            Dictionary<string, Tensor> before = Checkpoint.Tensors(whole).ToDictionary(static pair => pair.Name, static pair => pair.Tensor.clone());
            Fit(whole, 4, null);
            foreach ((string name, Tensor value) in Checkpoint.Tensors(whole))
            {
                bool isFixed = whole.named_buffers().Any(pair => pair.name == name);
                Assert.True(isFixed == (value == before[name]).all().ToBoolean(), name);
            }

            Assert.All(whole.Quantization.Activations, static scale => Assert.True(scale.Scale > 0));
            Assert.All(whole.Quantization.Weights.Values.SelectMany(static scales => scales), static scale => Assert.True(scale > 0));
            using LearnedCnn first = Start();
            Fit(first, 2, folder);
            using LearnedCnn second = Start();
            second.Calibrate(images * 3);
            Fit(second, 4, folder);
            foreach ((string name, Tensor tensor) in Checkpoint.Tensors(whole))
            {
                Assert.True((tensor == Checkpoint.Tensors(second).Single(pair => pair.Name == name).Tensor).all().ToBoolean(), name);
            }

            // What a state dictionary carries is the same model.
            using var twin = new LearnedCnn();
            twin.Quantization.Prepare();
            twin.load_state_dict(second.state_dict());
            second.eval();
            twin.eval();
            Assert.True((twin.InferQuantized(images[..16]) == second.InferQuantized(images[..16])).all().ToBoolean());
        }
        finally
        {
            Directory.Delete(folder, true);
        }

        LearnedCnn Start()
        {
            random.manual_seed(74);
            var model = new LearnedCnn();
            model.Calibrate(images);
            return model;
        }

        void Fit(LearnedCnn model, int epochs, string? checkpoints)
        {
            using var trainer = model.CreateTrainer(new TrainerOptions { Epochs = epochs, Progress = TrainingProgress.None, Checkpoints = checkpoints is null ? null : new CheckpointOptions(checkpoints) });
            trainer.Fit(data);
        }
    }

    /// <summary>Scales have no weight decay and can be frozen by name; whatever the steps, they stay positive.</summary>
    [Fact]
    public void LearnedScales_DoNotDecay_CanBeFrozen_AndStayPositive()
    {
        using IDisposable scope = NewDisposeScope();
        random.manual_seed(75);
        using var model = new LearnedMlp();
        model.Calibrate(randn(200, 12));
        Tensor x = randn(32, 12);
        Tensor target = randint(0, 5, [32], dtype: ScalarType.Int64);
        OptimizerSettings settings = OptimizerSettings.From(((ICompiledModel)model).TrainSettings!);
        using (TrainingStep frozen = ((ICompiledModel)model).CreateTrainingStep(settings with { WeightDecay = 0.5, Groups = [new ParameterGroup("quantization_*") { Frozen = true }] }))
        {
            frozen.Run([x], target);
        }

        Assert.All(Factors(model), static factors => Assert.True((factors == 1).all().ToBoolean()));

        // The sign of each gradient is the whole step of Lion, so decay would show.
        using (TrainingStep decaying = ((ICompiledModel)model).CreateTrainingStep(new OptimizerSettings(Optimizer.Lion, 0.001) { WeightDecay = 100, L2 = 1 }))
        {
            decaying.Run([x], target);
        }

        Assert.All(Factors(model), static factors => Assert.InRange((factors.detach() - 1).abs().max().ToDouble(), 0.0005, 0.0011));
        using (TrainingStep wild = ((ICompiledModel)model).CreateTrainingStep(new OptimizerSettings(Optimizer.Lion, 2)))
        {
            for (int i = 0; i < 5; i++)
            {
                wild.Run([x], target);
                Assert.True(double.IsFinite(wild.Loss.ToDouble()));
                Assert.All(model.Quantization.Activations, static scale => Assert.True(scale.Scale > 0));
                Assert.All(model.Quantization.Weights.Values.SelectMany(static scales => scales), static scale => Assert.True(scale > 0));
            }
        }

        Assert.Contains(Factors(model), static factors => (factors < 0).any().ToBoolean());
    }

    private static Parameter[] Factors(Module model) => [model.get_parameter("quantization_factors")!, model.get_parameter("quantization_weight_factors")!];

    private static void Shift(Module model)
    {
        using IDisposable guard = no_grad();
        foreach (Parameter factors in Factors(model))
        {
            factors.copy_((rand_like(factors) * 0.5) + 0.7).DisposeAliasOf(factors);
        }
    }

    private static (float[] Activations, float[] Weights) Scales(FakeQuantization quantization, int activations, int weights)
    {
        float[] first = [.. quantization.Activations.Select(static scale => scale.Scale)];
        float[] second = [.. quantization.Weights.Values.SelectMany(static scales => scales)];
        Assert.Equal((activations, weights), (first.Length, second.Length));
        return (first, second);
    }

    /// <summary>The rounding and its gradients by the paper's algorithm: straight through in range, the end of the range outside.</summary>
    private static Tensor Learned(Tensor x, Tensor scale, double zero, double low, double high)
    {
        Tensor quotient = x / scale;
        Tensor integer = quotient.detach().round();
        Tensor inside = (integer >= low - zero).logical_and(integer <= high - zero);
        Tensor kept = where(inside, quotient, integer.clamp(low - zero, high - zero));
        return (kept + (integer.clamp(low - zero, high - zero) - kept).detach()) * scale;
    }
}
