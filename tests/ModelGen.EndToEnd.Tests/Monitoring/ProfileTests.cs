using System.Text.Json;
using ModelGen.Data;
using ModelGen.EndToEnd.Tests.Models;
using ModelGen.Monitoring;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests.Monitoring;

/// <summary>The profiler of generated steps, and planned against measured memory.</summary>
public sealed class ProfileTests
{
    private const int Batch = 16;

    private static readonly TrainerOptions Quiet = new() { Progress = TrainingProgress.None, BatchSize = Batch, Epochs = 1 };

    [Fact]
    public void Operations_HaveTheFlopsOfTheirMatrices()
    {
        using var model = new SimpleCnn();
        using Trainer<SimpleCnn> trainer = model.CreateTrainer(Quiet);
        StepProfile profile = trainer.Profile(Images(Batch), steps: 3);
        long Flops(string layer, string kernel) => profile.Operations.Where(operation => operation.Operation.Layer == layer && operation.Operation.Kernel == kernel).Sum(static operation => operation.Operation.Flops);

        // 2 operations for each product: outputs x (kernel x input channels).
        Assert.Equal(2L * Batch * 8 * 10 * 10 * 9, Flops("conv1", "Convolution.GradientWeight"));
        Assert.Equal(2L * Batch * 12 * 5 * 5 * 8 * 9, Flops("conv2", "Convolution.GradientWeight"));
        Assert.Equal(2L * Batch * 12 * 5 * 5 * 8 * 9, Flops("conv2", "Convolution.GradientInput"));
        Assert.Equal(0, Flops("conv1", "Convolution.GradientInput"));

        // Forward convolutions add the bias and apply relu in the same kernel.
        Assert.InRange(Flops("conv2", "Convolution.Forward"), 2L * Batch * 12 * 5 * 5 * 8 * 9, 2L * Batch * 12 * 5 * 5 * ((8 * 9) + 3));
        Assert.InRange(Flops("classify", "Gemm.Run"), 3 * 2L * Batch * 10 * 48, (3 * 2L * Batch * 10 * 48) + (Batch * 200));
        StepOperation update = profile.Operations[^1].Operation;
        Assert.Equal(StepPhase.Update, update.Phase);
        Assert.InRange(update.Bytes, 7 * model.parameters().Sum(static parameter => parameter.numel()) * sizeof(float), 8 * model.parameters().Sum(static parameter => parameter.numel() + 32) * sizeof(float));
    }

    [Fact]
    public void Bytes_AreThoseOfOperandsAndResult()
    {
        using var model = new SimpleCnn();
        using Trainer<SimpleCnn> trainer = model.CreateTrainer(Quiet);
        StepOperation gradient = trainer.Profile(Images(Batch), steps: 1).Operations.Select(static operation => operation.Operation).Single(static operation => operation is { Layer: "conv2", Kernel: "Convolution.GradientInput" });
        Assert.Equal(sizeof(float) * ((Batch * 12L * 5 * 5) + (12 * 8 * 9) + (Batch * 8 * 10 * 10)), gradient.Bytes);
    }

    [Fact]
    public void Times_AddUpToTheStep_AndTheTextNamesTheLayers()
    {
        using var model = new SimpleCnn();
        using Trainer<SimpleCnn> trainer = model.CreateTrainer(Quiet);
        StepProfile profile = trainer.Profile(Images(Batch), steps: 5);
        Assert.Equal((5, Batch), (profile.Steps, profile.Batch));
        Assert.All(profile.Operations, static operation => Assert.True(operation.Seconds >= 0));
        Assert.Equal(profile.Operations.Sum(static operation => operation.Seconds), profile.Layers.Sum(static layer => layer.Seconds), 1e-9);
        Assert.Equal(profile.Operations.Sum(static operation => operation.Operation.Flops), profile.Layers.Sum(static layer => layer.Flops));
        Assert.True(profile.StepSeconds > 0);
        Assert.Contains("conv1", profile.Layers.Select(static layer => layer.Name));
        string text = profile.ToString(operations: 4);
        Assert.Contains("SimpleCnn: a step of 16 samples takes", text);
        Assert.Contains("classify", text);
        Assert.Contains($"and {profile.Operations.Count - 4} more", text);
    }

    [Fact]
    public void Profiling_ChangesNothing()
    {
        float[] Trained(bool profiled)
        {
            random.manual_seed(5);
            using var model = new NormalizedCnn();
            using Trainer<NormalizedCnn> trainer = model.CreateTrainer(Quiet);
            TensorDataset data = Images(64, channels: 3, size: 8, classes: 5);
            trainer.Fit(data);
            if (profiled)
            {
                trainer.Profile(data, steps: 4);
            }

            trainer.Fit(data);
            return [.. model.state_dict().Values.SelectMany(static tensor => tensor.to(ScalarType.Float32).data<float>().ToArray())];
        }

        Assert.Equal(Trained(profiled: false), Trained(profiled: true));
    }

    [Fact]
    public void ChromeTrace_HoldsEveryOperationOfEveryStep_InsideItsStep()
    {
        using var model = new SimpleCnn();
        using Trainer<SimpleCnn> trainer = model.CreateTrainer(Quiet);
        StepProfile profile = trainer.Profile(Images(Batch), steps: 3);
        string path = Path.GetTempFileName();
        try
        {
            profile.WriteChromeTrace(path);
            using JsonDocument trace = JsonDocument.Parse(File.ReadAllText(path));
            JsonElement[] events = [.. trace.RootElement.GetProperty("traceEvents").EnumerateArray()];
            Assert.Equal(["step", "layers", "kernels"], events.Where(static entry => entry.GetProperty("ph").GetString() == "M").Select(static entry => entry.GetProperty("args").GetProperty("name").GetString()));
            JsonElement[] Row(int row) => [.. events.Where(entry => entry.GetProperty("ph").GetString() == "X" && entry.GetProperty("tid").GetInt32() == row)];
            Assert.Equal(3, Row(0).Length);
            Assert.Equal(3 * profile.Operations.Count, Row(2).Length);
            static double End(JsonElement entry) => entry.GetProperty("ts").GetDouble() + entry.GetProperty("dur").GetDouble();
            Assert.All(Row(2).Concat(Row(1)), entry => Assert.Contains(Row(0), step => entry.GetProperty("ts").GetDouble() >= step.GetProperty("ts").GetDouble() - 1e-3 && End(entry) <= End(step) + 1e-3));
            Assert.Equal(profile.Operations.Sum(static operation => operation.Operation.Flops) * 3, Row(2).Sum(static entry => entry.GetProperty("args").GetProperty("flops").GetInt64()));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void StepOnLibtorch_IsRefused_WithTheReason()
    {
        using var model = new SimpleCnn();
        model.to(ScalarType.Float64);
        using Trainer<SimpleCnn> trainer = model.CreateTrainer(Quiet);
        Assert.Contains("libtorch", Assert.Throws<NotSupportedException>(() => trainer.Profile(Images(Batch))).Message);
    }

    [Fact]
    public void Limits_ArePositive_AndChosenBySize()
    {
        var limits = new HardwareLimits(100, 200, [new CopySpeed(1000, 80), new CopySpeed(10000, 20)]);
        Assert.Equal(80, limits.GigabytesPerSecondFor(1000));
        Assert.Equal(20, limits.GigabytesPerSecondFor(1001));
        Assert.Equal(20, limits.GigabytesPerSecondFor(1 << 30));
        Assert.Equal(1e-6, limits.LeastSeconds(new StepOperation("", "", "Gemm.Run", StepPhase.Forward, 100_000, 1000)), 1e-12);
        Assert.Equal(0.5e-6, limits.LeastSeconds(new StepOperation("", "", "GemmBFloat16.Run", StepPhase.Forward, 100_000, 1000)), 1e-12);
        Assert.Equal(1e-6, limits.LeastSeconds(new StepOperation("", "", "copy", StepPhase.Forward, 0, 20_000)), 1e-12);
        Assert.True(HardwareLimits.OfThisMachine.GigaflopsPerSecond > 0);
        Assert.All(HardwareLimits.OfThisMachine.Copies, static copy => Assert.True(copy.GigabytesPerSecond > 0));
    }

    [Fact]
    public void MeasuredMemory_IsThePlannedOne()
    {
        using var model = new NormalizedCnn();
        using Trainer<NormalizedCnn> trainer = model.CreateTrainer(Quiet);
        trainer.Fit(Images(2 * Batch, channels: 3, size: 8, classes: 5));
        MemoryReport memory = trainer.MeasureMemory();
        MemoryPart all = memory.Parts[^1];
        Assert.NotNull(all.PlannedBytes);
        Assert.Equal(all.PlannedBytes!.Value, all.MeasuredBytes);
        Assert.True(memory.Process.ResidentBytes > memory.Process.ManagedBytes && memory.PeakResidentBytes > 0);
        Assert.Contains("inputs and intermediates", memory.ToString());
    }

    internal static TensorDataset Images(int count, int channels = 1, int size = 12, int classes = 10)
    {
        var generator = new Random(1);
        float[] pixels = [.. Enumerable.Range(0, count * channels * size * size).Select(_ => (float)generator.NextDouble())];
        long[] labels = [.. Enumerable.Range(0, count).Select(index => (long)(index % classes))];
        return TensorDataset.FromArrays(pixels, [channels, size, size], labels);
    }
}
