using ModelGen.Data;
using ModelGen.EndToEnd.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>The trainer around generated steps.</summary>
public sealed class TrainerTests
{
    private static readonly TrainerOptions Quiet = new() { Progress = TrainingProgress.None, Epochs = 3, BatchSize = 16 };

    [Fact]
    public void Fit_Learns_AndReportsEveryEpoch()
    {
        random.manual_seed(0);
        using var model = new Mlp();
        using Trainer<Mlp> trainer = model.CreateTrainer(Quiet with { Epochs = 30, LearningRate = 0.02 });
        TensorDataset data = Regression(200);
        double before = trainer.Evaluate(data).Loss;
        var seen = new List<int>();
        using Trainer<Mlp> reporting = model.CreateTrainer(Quiet with { Epochs = 2, OnEpoch = epoch => seen.Add(epoch.Epoch) });
        FitResult fit = trainer.Fit(data, data);
        reporting.Fit(data);
        Assert.Equal(30, fit.Epochs.Count);
        Assert.True(fit.Epochs[^1].ValidationLoss < before / 4, $"loss went from {before} to {fit.Epochs[^1].ValidationLoss}");
        Assert.NotNull(fit.Epochs[^1].Validation!.MeanAbsoluteError);
        Assert.Null(fit.Epochs[^1].Accuracy);
        Assert.Equal([1, 2], seen);
    }

    [Fact]
    public void EpochLoss_IsTheMeanOverSamples_WithARaggedLastBatch()
    {
        random.manual_seed(0);
        using var model = new Mlp();
        TensorDataset data = Regression(37);
        using Trainer<Mlp> trainer = model.CreateTrainer(Quiet with { Epochs = 1, LearningRate = 0, WeightDecay = 0 });
        (Tensor[] inputs, Tensor target) = data.ToTensors(0, data.Count);
        using Tensor expected = nn.functional.mse_loss(model.forward(inputs[0]), target);
        Assert.Equal(expected.ToDouble(), trainer.Fit(data).Epochs[0].TrainLoss, 1e-5);
        Assert.Equal(expected.ToDouble(), trainer.Evaluate(data).Loss, 1e-5);
    }

    [Fact]
    public void SameSeed_GivesTheSameWeights_AnotherSeedOthers()
    {
        float[] first = TrainedWeights(seed: 3);
        Assert.Equal(first, TrainedWeights(seed: 3));
        Assert.NotEqual(first, TrainedWeights(seed: 4));
    }

    [Fact]
    public void Cancellation_StopsBetweenSteps_AndKeepsTheModelUsable()
    {
        using var model = new Mlp();
        using var source = new CancellationTokenSource();
        using Trainer<Mlp> trainer = model.CreateTrainer(Quiet with { Epochs = 100, OnEpoch = _ => source.Cancel() });
        model.eval();
        Assert.Throws<OperationCanceledException>(() => trainer.Fit(Regression(64), cancellation: source.Token));
        Assert.False(model.training);
        using Tensor x = randn(2, 6);
        using Tensor y = model.Infer(x);
        Assert.False(y.isnan().any().ToBoolean());
    }

    [Fact]
    public void DivergedLoss_StopsWithTheEpochAndAdvice()
    {
        using var model = new Mlp();
        using Trainer<Mlp> trainer = model.CreateTrainer(Quiet with { LearningRate = 1e20 });
        string message = Assert.Throws<ArithmeticException>(() => trainer.Fit(Regression(64))).Message;
        Assert.Contains("epoch 1", message);
        Assert.Contains("learning rate", message);
    }

    [Fact]
    public void Accuracy_CountsCorrectClasses()
    {
        random.manual_seed(0);
        using var model = new DropoutNet();
        using Trainer<DropoutNet> trainer = model.CreateTrainer(Quiet);
        TensorDataset data = Classification(50);
        (Tensor[] inputs, Tensor target) = data.ToTensors(0, 50);
        model.eval();
        using IDisposable noGrad = no_grad();
        double expected = model.forward(inputs[0]).argmax(1).eq(target).to_type(ScalarType.Float64).mean().ToDouble();
        Assert.Equal(expected, trainer.Evaluate(data).Accuracy!.Value, 1e-9);
    }

    [Fact]
    public void UnfitData_IsRefusedBeforeTraining()
    {
        using var model = new DropoutNet();
        using Trainer<DropoutNet> trainer = model.CreateTrainer(Quiet);
        Assert.Contains("empty", Assert.Throws<ArgumentException>(() => trainer.Fit(TensorDataset.FromArrays([], [10], []))).Message);
        Assert.Contains("class indices", Assert.Throws<ArgumentException>(() => trainer.Fit(TensorDataset.FromArrays(new float[20], [10], [1f, 2f], []))).Message);
        Assert.Contains("sample 1 has class -1", Assert.Throws<ArgumentException>(() => trainer.Fit(TensorDataset.FromArrays(new float[20], [10], [0, -1]))).Message);
        Assert.Contains("[N, 10]", Assert.Throws<ArgumentException>(() => trainer.Fit(TensorDataset.FromArrays(new float[22], [11], [0, 1]))).Message);
    }

    [Fact]
    public void SteadyTraining_LeavesNoTensorBehind()
    {
        using var model = new NormalizedCnn();
        using Trainer<NormalizedCnn> trainer = model.CreateTrainer(Quiet with { Epochs = 1 });
        float[] images = new float[64 * 3 * 8 * 8];
        TensorDataset data = TensorDataset.FromArrays(images, [3, 8, 8], new long[64]);
        trainer.Fit(data, data);
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        trainer.Fit(data, data);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void InferenceAndExport_LeaveNoTensorBehind()
    {
        using var model = new TextNet();
        using Tensor tokens = randint(0, 20, [2, 6], dtype: ScalarType.Int64);
        model.Infer(tokens).Dispose();
        _ = model.ToOnnx();
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        model.Infer(tokens).Dispose();
        _ = model.ToOnnx();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Theory]
    [InlineData(Schedule.Constant)]
    [InlineData(Schedule.OneCycle)]
    [InlineData(Schedule.Cosine)]
    [InlineData(Schedule.Linear)]
    public void Schedules_EqualTorchSharps(Schedule schedule)
    {
        const int Steps = 20;
        using Tensor weight = zeros(1, requires_grad: true);
        using var optimizer = optim.SGD([new TorchSharp.Modules.Parameter(weight.detach())], 0.1);
        optim.lr_scheduler.LRScheduler? reference = schedule switch
        {
            Schedule.OneCycle => optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps: Steps, cycle_momentum: false),
            Schedule.Cosine => optim.lr_scheduler.CosineAnnealingLR(optimizer, Steps),
            Schedule.Linear => optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, Steps),
            _ => null,
        };
        for (int step = 0; step < Steps; step++)
        {
            Assert.Equal(optimizer.ParamGroups.First().LearningRate, LearningRates.At(schedule, 0.1, step, Steps), 1e-9);
            reference?.step();
        }
    }

    private static float[] TrainedWeights(int seed)
    {
        random.manual_seed(99);
        using var model = new DropoutNet();
        using Trainer<DropoutNet> trainer = model.CreateTrainer(Quiet with { Seed = seed });
        trainer.Fit(Classification(40));
        return trainer.Step.Parameters.Data.data<float>().ToArray();
    }

    private static TensorDataset Regression(int count)
    {
        var source = new Random(5);
        float[] x = [.. Enumerable.Range(0, count * 6).Select(_ => (float)source.NextDouble() - 0.5f)];
        float[] y = [.. Enumerable.Range(0, count * 3).Select(i => x[i / 3 * 6] - (2 * x[(i / 3 * 6) + (i % 3) + 1]))];
        return TensorDataset.FromArrays(x, [6], y, [3]);
    }

    private static TensorDataset Classification(int count)
    {
        var source = new Random(6);
        float[] x = [.. Enumerable.Range(0, count * 10).Select(_ => (float)source.NextDouble() - 0.5f)];
        return TensorDataset.FromArrays(x, [10], [.. Enumerable.Range(0, count).Select(i => x[i * 10] > 0 ? 1L : 2L)]);
    }
}
