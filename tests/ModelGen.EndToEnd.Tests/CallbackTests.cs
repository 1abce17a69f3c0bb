using ModelGen.Data;
using ModelGen.EndToEnd.Tests.Models;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>The fixed points at which callbacks run, and what they see.</summary>
public sealed class CallbackTests
{
    [Fact]
    public void Hooks_AreCalledInOrder_WithTheStateOfTheMoment()
    {
        using var model = new Mlp();
        var recorder = new Recorder();
        using Trainer<Mlp> trainer = model.CreateTrainer(new TrainerOptions { Progress = TrainingProgress.None, Epochs = 2, BatchSize = 16, Callbacks = [recorder] });
        FitResult fit = trainer.Fit(Samples(40), Samples(8));
        string epoch(int number, int steps) => $"epoch {number}; " + string.Concat(Enumerable.Range(steps - 2, 3).Select(step => $"step {step}; ")) + $"validation; epoch end {number}; ";
        Assert.Equal("start 0; " + epoch(1, 3) + epoch(2, 6) + "end 2; ", recorder.Log);
        Assert.Null(fit.StopReason);
        Assert.Equal([16, 16, 8, 16, 16, 8], recorder.Sizes);
        Assert.Equal(fit.Epochs.Select(static result => result.TrainLoss), recorder.Means);
    }

    [Fact]
    public void RequestedStop_EndsAfterTheStep_AndIsReported()
    {
        using var model = new Mlp();
        using Trainer<Mlp> trainer = model.CreateTrainer(new TrainerOptions { Progress = TrainingProgress.None, Epochs = 5, BatchSize = 16, Callbacks = [new Stopper(4)] });
        FitResult fit = trainer.Fit(Samples(40));
        Assert.Equal("enough", fit.StopReason);
        Assert.Equal(4, trainer.Step.Optimizer.StepCount);
        Assert.Equal(2, fit.Epochs.Count);
    }

    [Fact]
    public void Exception_IsSeenAndGoesOn()
    {
        using var model = new Mlp();
        var recorder = new Recorder();
        using Trainer<Mlp> trainer = model.CreateTrainer(new TrainerOptions { Progress = TrainingProgress.None, Epochs = 5, BatchSize = 16, Callbacks = [recorder, new Thrower()] });
        Assert.Equal("mine", Assert.Throws<InvalidOperationException>(() => trainer.Fit(Samples(40))).Message);
        Assert.EndsWith("step 1; failed mine; ", recorder.Log);
    }

    [Fact]
    public void CallbacksThatFailWhenTold_HideNothing()
    {
        using var model = new Mlp();
        var recorder = new Recorder();
        using Trainer<Mlp> trainer = model.CreateTrainer(new TrainerOptions { Progress = TrainingProgress.None, BatchSize = 16, Callbacks = [new Thrower(), new BadListener(), recorder] });
        AggregateException exception = Assert.Throws<AggregateException>(() => trainer.Fit(Samples(40)));
        Assert.Equal(["mine", "deaf"], exception.InnerExceptions.Select(static inner => inner.Message));
        Assert.EndsWith("failed mine; ", recorder.Log);
    }

    private sealed class BadListener : TrainerCallback
    {
        public override void OnException(TrainerContext context, Exception exception) => throw new NotSupportedException("deaf");
    }

    private static TensorDataset Samples(int count)
    {
        random.manual_seed(1);
        return TensorDataset.FromArrays(randn(count, 6).data<float>().ToArray(), [6], randn(count, 3).data<float>().ToArray(), [3]);
    }

    private sealed class Recorder : TrainerCallback
    {
        public string Log { get; private set; } = "";

        public List<int> Sizes { get; } = [];

        public List<double> Means { get; } = [];

        public override void OnFitStart(TrainerContext context) => Log += $"start {context.Steps}; ";

        public override void OnEpochStart(TrainerContext context) => Log += $"epoch {context.Epoch}; ";

        public override void OnStepEnd(TrainerContext context)
        {
            Log += $"step {context.Steps}; ";
            Sizes.Add(context.StepSamples);
            Assert.True(double.IsFinite(context.ReadLoss()));
            Assert.Equal(3, context.StepsPerEpoch);
        }

        public override void OnValidationEnd(TrainerContext context)
        {
            Log += "validation; ";
            Means.Add(context.ReadMeanLoss());
            Assert.Equal(8, context.Validation!.Samples);
        }

        public override void OnEpochEnd(TrainerContext context) => Log += $"epoch end {context.LastEpoch!.Epoch}; ";

        public override void OnException(TrainerContext context, Exception exception) => Log += $"failed {exception.Message}; ";

        public override void OnFitEnd(TrainerContext context) => Log += $"end {context.Result!.Epochs.Count}; ";
    }

    private sealed class Stopper(long after) : TrainerCallback
    {
        public override void OnStepEnd(TrainerContext context)
        {
            if (context.Steps == after)
            {
                context.RequestStop("enough");
                context.RequestStop("later");
            }
        }
    }

    private sealed class Thrower : TrainerCallback
    {
        public override void OnStepEnd(TrainerContext context) => throw new InvalidOperationException("mine");
    }
}
