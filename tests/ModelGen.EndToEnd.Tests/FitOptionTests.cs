using ModelGen.Data;
using ModelGen.EndToEnd.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>Limits, stopping, averages, what is done about NaN, and searches.</summary>
public sealed class FitOptionTests
{
    private static readonly TrainerOptions Quiet = new() { Progress = TrainingProgress.None, Epochs = 4, BatchSize = 8 };

    [Fact]
    public void Limits_EndTheFit_AndSayWhy()
    {
        Assert.Equal((10, "MaxSteps: 10 updates were made."), Counted(Quiet with { MaxSteps = 10 }));
        Assert.Equal((3 * 4, null), Counted(Quiet with { LimitTrainBatches = 3 }));
        Assert.Equal((2 * 4, null), Counted(Quiet with { LimitTrainBatches = 5, AccumulateSteps = 3 }));
        Assert.Equal((1, null), Counted(Quiet with { FastDevRun = true, Checkpoints = new CheckpointOptions("/nowhere/at/all") }));
        (long steps, string? reason) = Counted(Quiet with { MaxDuration = TimeSpan.Zero });
        Assert.True(steps <= 1);
        Assert.StartsWith("MaxDuration", reason);
        Assert.Throws<ArgumentException>(() => Counted(Quiet with { AccumulateSteps = 0 }));
    }

    [Fact]
    public void Validation_RunsWhenAskedFor()
    {
        Assert.Equal([7, 14, 21, 28], Validated(Quiet));
        Assert.Equal([14, 28], Validated(Quiet with { ValidateEveryEpochs = 2 }));
        Assert.Equal([21, 28], Validated(Quiet with { ValidateEveryEpochs = 3 }));
        Assert.Equal([3, 6, 7, 9, 12, 14, 15, 18, 21, 24, 27, 28], Validated(Quiet with { ValidateEverySteps = 3 }));
    }

    [Fact]
    public void SanityValidation_FindsAFaultBeforeTheFirstUpdate_AndCountsForNothing()
    {
        var validation = new Watched(600, bad: -1);
        var counter = new Counter();
        using (var model = new Mlp())
        {
            using Trainer<Mlp> trainer = model.CreateTrainer(Quiet with { SanityValidationBatches = 2, Epochs = 1, Callbacks = [counter], LimitValidationBatches = 1, Loader = new DataLoaderOptions { Workers = 0 } });
            FitResult fit = trainer.Fit(new Watched(24), validation);
            Assert.Equal(256, fit.Epochs[0].Validation!.Samples);
        }

        // Two batches of 256 before training, one after it.
        Assert.Equal((512 + 256, 1), (validation.Reads, counter.Validations.Count));
        using var other = new Mlp();
        using Trainer<Mlp> broken = other.CreateTrainer(Quiet with { SanityValidationBatches = 1 });
        Assert.Throws<DataLoadException>(() => broken.Fit(new Watched(24), new Watched(300) { FailsAfter = 100 }));
        Assert.Equal(0, broken.Step.Optimizer.StepCount);
    }

    [Fact]
    public void AScheduledMomentum_ReachesTheOptimizer_AlsoInAFitThatGoesOn()
    {
        string folder = Directory.CreateTempSubdirectory("modelgen-momentum-").FullName;
        var scheduler = new Schedulers.OneCycleLR(12) { Momentum = (0.85, 0.95) };
        var seen = new List<double>();
        foreach (long limit in (long[])[5, 12])
        {
            using var model = new Mlp();
            using Trainer<Mlp> trainer = model.CreateTrainer(Quiet with
            {
                MaxSteps = limit,
                Scheduler = scheduler,
                Checkpoints = new CheckpointOptions(folder),
                ConfigureOptimizer = static settings => settings with { Kind = Optimizer.SGD, Momentum = 0.9, WeightDecay = 0 },
                Callbacks = [new AtEveryStep(context => seen.Add(context.Step.Optimizer.Momentum))],
            });
            trainer.Fit(new Watched(24));
        }

        Directory.Delete(folder, recursive: true);
        Assert.Equal(Enumerable.Range(0, 12).Select(step => scheduler.MomentumAt(step)!.Value), seen);
    }

    [Fact]
    public void LimitedValidation_SeesTheFirstBatches()
    {
        using var model = new ResumeNet();
        using Trainer<ResumeNet> trainer = model.CreateTrainer(Quiet with { Epochs = 1, BatchSize = 300, LimitValidationBatches = 1 });
        Assert.Equal(300, trainer.Fit(Images(310), Images(700)).Epochs[0].Validation!.Samples);
    }

    [Fact]
    public void EarlyStopping_WaitsForItsPatience()
    {
        double[] values = [5, 4, 4.5, 3.95, 4.2, 3, 2, 1];
        int seen = 0;
        TrainerOptions Options(double delta) => Quiet with
        {
            Epochs = 8,
            Monitor = "mine",
            MonitorMode = MonitorMode.Min,
            EarlyStopping = new EarlyStopping(2) { MinDelta = delta },
            Metrics = [Metric.Mean("mine", (_, _) => tensor(values[seen++] * 20))],
        };
        Assert.Null(Stopped(Options(0)).StopReason);
        seen = 0;
        FitResult early = Stopped(Options(0.1));
        Assert.Equal(4, early.Epochs.Count);
        Assert.Equal("EarlyStopping: mine has not got better than 4 in 2 validations.", early.StopReason);

        FitResult Stopped(TrainerOptions options)
        {
            using var model = new ResumeNet();
            using Trainer<ResumeNet> trainer = model.CreateTrainer(options);
            return trainer.Fit(Images(52), Images(20));
        }
    }

    [Fact]
    public void UnknownMonitor_ListsWhatThereIs()
    {
        using var model = new ResumeNet();
        using Trainer<ResumeNet> trainer = model.CreateTrainer(Quiet with { Monitor = "f1", Metrics = [Metric.MacroF1] });
        Assert.Contains("\"loss\", \"accuracy\", \"macro F1\"", Assert.Throws<ArgumentException>(() => trainer.Fit(Images(20), Images(20))).Message);
        Assert.Contains("needs a validation set", Assert.Throws<ArgumentException>(() => trainer.Fit(Images(20))).Message);
    }

    [Fact]
    public void Overfitting_SeesTheSameFewSamples()
    {
        random.manual_seed(1);
        using var model = new Mlp();
        var data = new Watched(300);
        using Trainer<Mlp> trainer = model.CreateTrainer(Quiet with { OverfitBatches = 2, Epochs = 60, LearningRate = 0.05 });
        FitResult fit = trainer.Fit(data);
        Assert.Equal(Enumerable.Range(0, 16), data.Seen.Order());
        Assert.Equal(16, fit.Epochs[^1].Validation!.Samples);
        Assert.True(fit.Epochs[^1].TrainLoss < fit.Epochs[0].TrainLoss / 4);
    }

    [Fact]
    public void AccumulatedFit_EqualsThatOfBigBatches_WithARaggedEnd()
    {
        float[] Weights(int size, int parts)
        {
            random.manual_seed(1);
            using var model = new Mlp();
            using Trainer<Mlp> trainer = model.CreateTrainer(Quiet with { BatchSize = size, AccumulateSteps = parts, Epochs = 3 });
            trainer.Fit(new Watched(45));
            return trainer.Step.Parameters.Data.data<float>().ToArray();
        }

        // 45 samples: a last group of two parts, the second of which is ragged.
        float[] big = Weights(16, 1);
        Assert.All(big.Zip(Weights(4, 4)), static pair => Assert.Equal(pair.First, pair.Second, 1e-5 * (1 + Math.Abs(pair.First))));
    }

    [Fact]
    public void ExponentialAverages_AreThoseOfTheFormula()
    {
        random.manual_seed(1);
        using var model = new Mlp();
        var follower = new Follower();
        using Trainer<Mlp> trainer = model.CreateTrainer(Quiet with { Averaging = new ExponentialAveraging(0.7), Callbacks = [follower] });
        trainer.Fit(new Watched(40));
        float[] weights = trainer.Step.Parameters.Data.data<float>().ToArray();
        Assert.All(follower.Average!.Zip(weights), static pair => Assert.Equal(pair.First, pair.Second, 1e-6));
        Assert.NotEqual(follower.Last, weights);
    }

    [Fact]
    public void StochasticAverages_AreTheMean_WithStatisticsOfTheirOwn()
    {
        random.manual_seed(1);
        using var model = new ResumeNet();
        var follower = new EpochFollower(2);
        using Trainer<ResumeNet> trainer = model.CreateTrainer(Quiet with { Averaging = new StochasticAveraging(2) { LearningRate = 0.003 }, Callbacks = [follower] });
        TensorDataset data = Images(48);
        FitResult fit = trainer.Fit(data);
        Assert.Equal(0.003, fit.Epochs[^1].LearningRate);
        float[] weights = trainer.Step.Parameters.Data.data<float>().ToArray();
        Assert.All(follower.Sum!.Zip(weights), pair => Assert.Equal(pair.First / 3, pair.Second, 1e-6));

        // Statistics of whole batches, as PyTorch's update_bn: the plain mean over the batches, unbiased variance.
        using IDisposable scope = NewDisposeScope();
        using IDisposable guard = no_grad();
        (Tensor[] inputs, _) = data.ToTensors(0, 48);
        var parameters = model.state_dict();
        Tensor y = nn.functional.conv2d(inputs[0], parameters["conv.weight"], parameters["conv.bias"]);
        int[] order = Shuffler.Permutation(48, 0, 1);
        Tensor[] groups = [.. order.Chunk(8).Select(samples => y.index_select(0, tensor(samples.Select(static i => (long)i).ToArray())))];
        Tensor mean = stack([.. groups.Select(static group => group.mean([0L, 2L, 3L]))]).mean([0L]);
        Tensor variance = stack([.. groups.Select(static group => group.var([0L, 2L, 3L]))]).mean([0L]);
        Compare.Close(mean, parameters["norm.running_mean"], 1e-4, "mean");
        Compare.Close(variance, parameters["norm.running_var"], 1e-4, "variance");
    }

    [Fact]
    public void NaN_NamesTheLayer_AndLeavesTheWeights()
    {
        random.manual_seed(1);
        using var model = new FragileNet();
        using Trainer<FragileNet> trainer = model.CreateTrainer(Quiet);
        byte[] before = trainer.Step.Parameters.Data.bytes.ToArray();
        string message = Assert.Throws<ArithmeticException>(() => trainer.Fit(Rows(16, null))).Message;
        Assert.Contains("'second' (LayerNorm), whose input came out of a function before it", message);
        Assert.Contains("epoch 1, at batch 1", message);
        Assert.Equal(before, trainer.Step.Parameters.Data.bytes.ToArray());
    }

    [Fact]
    public void NaN_InTheData_NamesTheSample()
    {
        using var model = new Mlp();
        using Trainer<Mlp> trainer = model.CreateTrainer(Quiet with { Shuffle = false });
        Assert.Contains("Input 0 of the model is not finite in sample 3", Assert.Throws<ArithmeticException>(() => trainer.Fit(new Watched(16, bad: 11))).Message);
    }

    [Fact]
    public void SkippedBatches_AreCounted_AndLeaveNoTrace()
    {
        random.manual_seed(1);
        using var model = new NormalizedCnn();
        var data = TensorDataset.FromArrays([.. Enumerable.Range(0, 40 * 192).Select(static i => i == 192 * 20 ? float.NaN : MathF.Sin(i))], [3, 8, 8], new long[40]);
        var counter = new Counter();
        using Trainer<NormalizedCnn> trainer = model.CreateTrainer(Quiet with { Shuffle = false, NonFinite = NonFiniteGuard.Skip, Epochs = 2, Callbacks = [counter] });
        FitResult fit = trainer.Fit(data, data);
        Assert.Equal(2, counter.Skipped);
        Assert.Equal(8, trainer.Step.Optimizer.StepCount);
        Assert.All(model.state_dict(), static pair => Assert.True(pair.Value.isfinite().all().ToBoolean(), pair.Key));
        Assert.True(double.IsFinite(fit.Epochs[^1].TrainLoss));
    }

    [Fact]
    public void SearchForALearningRate_ChangesNothing_AndFindsAUsefulOne()
    {
        random.manual_seed(1);
        using var model = new ResumeNet();
        byte[][] State() => [.. model.state_dict().Values.Select(static value => value.bytes.ToArray()), random.get_rng_state().bytes.ToArray()];
        byte[][] before = State();
        using Trainer<ResumeNet> trainer = model.CreateTrainer(Quiet with { Schedule = Schedule.Constant });
        LearningRateSearch search = trainer.FindLearningRate(Learnable(256), 1e-6, 10, 80);
        Assert.Equal(before, State());
        Assert.InRange(search.Suggestion, 1e-4, 1);
        Assert.True(search.Points.Count > 20);
        Assert.Contains("suggestion: ", search.ToString());
        Assert.True(trainer.Fit(Learnable(256)).Epochs[^1].TrainLoss < search.Points[0].Loss);
        Assert.Throws<InvalidOperationException>(() => trainer.FindLearningRate(Learnable(256)));
    }

    [Fact]
    public void BatchSize_IsTheLargestThatIsPlannedToFit()
    {
        using var model = new ResumeNet();
        using Trainer<ResumeNet> trainer = model.CreateTrainer(Quiet);
        using Trainer<ResumeNet> summing = model.CreateTrainer(Quiet with { AccumulateSteps = 2, Averaging = new ExponentialAveraging() });
        foreach (MemoryPlan plan in ResumeNet.Summary.Memory)
        {
            Assert.Equal(plan.Batch, trainer.FindBatchSize(plan.TrainingPeakBytes), plan.Batch * 0.02);
            Assert.True(trainer.FindBatchSize(plan.TrainingPeakBytes) <= plan.Batch + 1);
            Assert.Equal(trainer.FindBatchSize(plan.TrainingPeakBytes), summing.FindBatchSize(plan.TrainingPeakBytes + (2 * ResumeNet.Summary.ParameterBytes)));
        }

        Assert.True(trainer.FindBatchSize(1L << 30) > ResumeNet.Summary.Memory.Max(static plan => plan.Batch));
        Assert.Contains("with one sample takes", Assert.Throws<InvalidOperationException>(() => trainer.FindBatchSize(100)).Message);
    }

    [Fact]
    public void Initializers_FillWhatThePatternNames()
    {
        random.manual_seed(1);
        using var model = new Mlp();
        using Trainer<Mlp> trainer = model.CreateTrainer(Quiet);
        FlatBuffer parameters = trainer.Step.Parameters;
        Assert.Equal(3, model.Initialize("*.weight", Initializers.Orthogonal(2)));
        Assert.Equal(2, model.Initialize("*.bias", Initializers.Constant(0.5)));
        var state = model.state_dict();
        using IDisposable scope = NewDisposeScope();
        Tensor weight = state["second.weight"];
        Compare.Close(eye(16) * 4, weight.matmul(weight.t()), 1e-5, "product with its transpose");
        Assert.All(state["out.bias"].data<float>().ToArray(), static value => Assert.Equal(0.5f, value));

        // The step trains what was filled in.
        int index = parameters.Slices.Select((slice, i) => (slice.Name, i)).First(static pair => pair.Name == "second.weight").i;
        Assert.Equal(weight.data<float>().ToArray(), parameters[index].data<float>().ToArray());
        model.Initialize("second.weight", Initializers.KaimingNormal());
        Assert.Equal(Math.Sqrt(2.0 / 16), state["second.weight"].std().ToDouble(), 0.05);
        model.Initialize("second.weight", Initializers.XavierUniform());
        Assert.True(state["second.weight"].abs().max().ToDouble() <= Math.Sqrt(6.0 / 32));
        model.Initialize("second.weight", Initializers.TruncatedNormal(0, 1, -0.5, 0.5));
        Assert.True(state["second.weight"].abs().max().ToDouble() <= 0.5);
        model.Initialize("second.weight", Initializers.Sparse(0.75));
        Assert.Equal(12 * 16, state["second.weight"].eq(0).sum().ToInt64());
        Assert.Contains("at least two", Assert.Throws<ArgumentException>(() => model.Initialize("*", Initializers.Orthogonal())).Message);
    }

    [Fact]
    public void ConfiguredOptimizer_IsTheOneThatTrains()
    {
        random.manual_seed(1);
        using var model = new Mlp();
        using Trainer<Mlp> trainer = model.CreateTrainer(Quiet with { LearningRate = 0.01, L2 = 0.5, ConfigureOptimizer = static settings => settings with { Kind = Optimizer.Rprop, Momentum = 0, StepSizes = (1e-6, 0.011) } });
        OptimizerSettings used = trainer.Step.Optimizer.Settings;
        Assert.Equal((Optimizer.Rprop, 0.01, 0.5, 0.011), (used.Kind, used.LearningRate, used.L2, used.StepSizes.Largest));
        float[] before = trainer.Step.Parameters.Data.data<float>().ToArray();
        trainer.Fit(new Watched(8));
        float[] moved = trainer.Step.Parameters.Data.data<float>().ToArray();

        // Four steps of one batch, none above the largest size; the first are of the learning rate.
        Assert.InRange(before.Zip(moved).Max(static pair => Math.Abs(pair.First - pair.Second)), 0.02, 0.0441);
    }

    [Fact]
    public void Workers_ChangeNothing()
    {
        byte[] Weights(DataLoaderOptions? loader)
        {
            random.manual_seed(1);
            using var model = new Mlp();
            using Trainer<Mlp> trainer = model.CreateTrainer(Quiet with { Loader = loader });
            FitResult fit = trainer.Fit(new Watched(45), new Watched(20));
            Assert.All(fit.Epochs, static epoch => Assert.InRange(epoch.DataShare, 0, 1));
            return trainer.Step.Parameters.Data.bytes.ToArray();
        }

        byte[] expected = Weights(new DataLoaderOptions { Workers = 0 });
        Assert.Equal(expected, Weights(null));
        Assert.Equal(expected, Weights(new DataLoaderOptions { Workers = 3, Prefetch = 2 }));
    }

    [Fact]
    public void TheNextEpoch_IsLoadedDuringValidation()
    {
        var data = new Watched(24);
        using var model = new Mlp();
        var seen = new List<bool>();
        using Trainer<Mlp> trainer = model.CreateTrainer(Quiet with
        {
            Epochs = 2,
            Loader = new DataLoaderOptions { Workers = 2 },
            Callbacks = [new AtValidation(context => seen.Add(SpinWait.SpinUntil(() => data.Reads > 24 * context.Epoch, context.Epoch == 1 ? 10_000 : 50)))],
        });
        trainer.Fit(data, new Watched(8));

        // Behind the last epoch nothing is read.
        Assert.Equal([true, false], seen);
        Assert.Equal(48, data.Reads);
    }

    [Fact]
    public void WhatIsReadAhead_ButNeverUsed_IsNoFault()
    {
        FitResult Fit(TrainerOptions options, Watched data, CancellationToken cancellation = default)
        {
            using var model = new Mlp();
            using Trainer<Mlp> trainer = model.CreateTrainer(options with { Loader = new DataLoaderOptions { Workers = 2 } });
            return trainer.Fit(data, cancellation: cancellation);
        }

        Watched Broken() => new(24) { FailsAfter = 24 };
        TrainerOptions AtTheEnd(Watched data) => Quiet with { Callbacks = [new AtEpochEnd(() => Assert.True(SpinWait.SpinUntil(() => data.Faults > 0, 10_000)))] };
        Watched limited = Broken();
        Assert.StartsWith("MaxSteps", Fit(AtTheEnd(limited) with { MaxSteps = 3 }, limited).StopReason);
        Watched timed = Broken();
        var stop = new AtEpochEnd(static () => { }) { Reason = "enough" };
        Assert.Equal("enough", Fit(AtTheEnd(timed) with { Callbacks = [.. AtTheEnd(timed).Callbacks, stop] }, timed).StopReason);
        Watched cancelled = Broken();
        using var source = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Fit(AtTheEnd(cancelled) with { Callbacks = [.. AtTheEnd(cancelled).Callbacks, new AtEpochEnd(source.Cancel)] }, cancelled, source.Token));
        Watched used = Broken();
        Assert.Equal(2, Assert.Throws<DataLoadException>(() => Fit(Quiet, used)).Fault!.Epoch);
    }

    [Fact]
    public void Cancellation_EndsTheWaitForABatch_AndSaves()
    {
        string folder = Directory.CreateTempSubdirectory("modelgen-cancel-").FullName;
        using var source = new CancellationTokenSource();
        using var model = new Mlp();
        var data = new Watched(24) { OnRead = reads => Thread.Sleep(reads == 10 && source.Token.WaitHandle.WaitOne(10_000) ? 0 : 0) };
        using Trainer<Mlp> trainer = model.CreateTrainer(Quiet with { Loader = new DataLoaderOptions { Workers = 1 }, Checkpoints = new CheckpointOptions(folder), Callbacks = [new AtStep(1, () => source.CancelAfter(30))] });
        Assert.ThrowsAny<OperationCanceledException>(() => trainer.Fit(data, cancellation: source.Token));
        Assert.EndsWith("000001.safetensors", Checkpoint.Last(folder));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Streams_AreTrainedOnAsTheSamplesInTheirOrder()
    {
        (byte[] Weights, FitResult Result) Fit(TrainerOptions options, Func<Trainer<Mlp>, FitResult> fit)
        {
            random.manual_seed(1);
            using var model = new Mlp();
            using Trainer<Mlp> trainer = model.CreateTrainer(options with { Schedule = Schedule.Constant });
            FitResult result = fit(trainer);
            return (trainer.Step.Parameters.Data.bytes.ToArray(), result);
        }

        var samples = new Watched(45);
        var validation = new Watched(20);
        foreach (TrainerOptions options in (TrainerOptions[])[Quiet with { Shuffle = false }, Quiet with { Shuffle = false, AccumulateSteps = 4 }, Quiet with { Shuffle = false, LimitTrainBatches = 3 }, Quiet with { Shuffle = false, DropLast = true }])
        {
            (byte[] expected, FitResult indexed) = Fit(options, trainer => trainer.Fit(samples, validation));
            (byte[] weights, FitResult streamed) = Fit(options, trainer => trainer.Fit(new ResumeFit.RecordStream(samples), validation));
            Assert.Equal(expected, weights);
            Assert.Equal(indexed.Epochs.Select(static epoch => (epoch.TrainLoss, epoch.ValidationLoss)), streamed.Epochs.Select(static epoch => (epoch.TrainLoss, epoch.ValidationLoss)));

            // What is validated may be a stream too, beside either kind of training data.
            var unseen = new ResumeFit.RecordStream(validation);
            foreach ((byte[] others, FitResult other) in new[] { Fit(options, trainer => trainer.Fit(samples, unseen)), Fit(options, trainer => trainer.Fit(new ResumeFit.RecordStream(samples), unseen)) })
            {
                Assert.Equal(expected, others);
                Assert.Equal(indexed.Epochs.Select(static epoch => (epoch.TrainLoss, epoch.Validation!.Loss, epoch.Validation.Samples)), other.Epochs.Select(static epoch => (epoch.TrainLoss, epoch.Validation!.Loss, epoch.Validation.Samples)));
            }
        }

        // Passes of other lengths each time, and epochs that do not care.
        var growing = new ResumeFit.RecordStream(samples, static epoch => 8 * epoch);
        var counter = new Counter();
        Fit(Quiet with { Callbacks = [counter] }, trainer => trainer.Fit(growing, validation));
        Assert.Equal([1, 3, 6, 10], counter.Validations);
        counter = new Counter();
        Fit(Quiet with { StepsPerEpoch = 4, Epochs = 2, Callbacks = [counter] }, trainer => trainer.Fit(growing, validation));
        Assert.Equal([4, 8], counter.Validations);
    }

    [Fact]
    public void AStreamsFirstBatches_AreLearntByHeart_AsThoseOfADataSet()
    {
        (byte[] Weights, FitResult Result, Watched Samples) Fit(bool stream)
        {
            random.manual_seed(1);
            using var model = new Mlp();
            var samples = new Watched(300);
            using Trainer<Mlp> trainer = model.CreateTrainer(Quiet with { OverfitBatches = 2, Epochs = 30, LearningRate = 0.05, Schedule = Schedule.Constant });
            FitResult fit = stream ? trainer.Fit(new ResumeFit.RecordStream(samples, static epoch => epoch == 1 ? 300 : 3)) : trainer.Fit(samples);
            return (trainer.Step.Parameters.Data.bytes.ToArray(), fit, samples);
        }

        var (expected, indexed, _) = Fit(stream: false);
        var (weights, streamed, seen) = Fit(stream: true);
        Assert.Equal(Enumerable.Range(0, 16), seen.Seen.Order());
        Assert.Equal(expected, weights);
        Assert.Equal(indexed.Epochs[^1].Validation!.Loss, streamed.Epochs[^1].Validation!.Loss);
        Assert.Equal(16, streamed.Epochs[^1].Validation!.Samples);
    }

    [Fact]
    public void SearchForALearningRate_OnAStream_EqualsThatOnItsSamples()
    {
        LearningRateSearch Search(Func<Trainer<ResumeNet>, LearningRateSearch> search)
        {
            random.manual_seed(3);
            using var model = new ResumeNet();
            using Trainer<ResumeNet> trainer = model.CreateTrainer(Quiet with { Schedule = Schedule.Constant, Shuffle = false });
            return search(trainer);
        }

        // More steps than a pass has.
        Dataset samples = Learnable(100);
        LearningRateSearch expected = Search(trainer => trainer.FindLearningRate(samples, 1e-6, 10, 80));
        LearningRateSearch found = Search(trainer => trainer.FindLearningRate(new ResumeFit.RecordStream(samples), 1e-6, 10, 80));
        Assert.Equal(expected.Points, found.Points);
        Assert.True(found.Points.Count > 20);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void SamplesLeftOut_AreCountedAndSaid_AlsoInAFitThatGoesOn(int workers)
    {
        string folder = Directory.CreateTempSubdirectory("modelgen-").FullName;
        try
        {
            FitResult Fit(int epochs)
            {
                using var model = new Mlp();
                using Trainer<Mlp> trainer = model.CreateTrainer(Quiet with
                {
                    Epochs = epochs,
                    Schedule = Schedule.Constant,
                    Checkpoints = new CheckpointOptions(folder),
                    Loader = new DataLoaderOptions { Workers = workers, OnError = SampleErrors.Skip },
                });
                return trainer.Fit(new Broken(new Watched(45), 3, 17), new Broken(new Watched(20), 5));
            }

            FitResult fit = Fit(2);
            Assert.Equal(6, fit.SkippedSamples);
            Assert.Equal(1, fit.Epochs[1].Validation!.SkippedSamples);
            Assert.Equal(19, fit.Epochs[1].Validation!.Samples);
            Assert.Contains(fit.Notes, static note => note.StartsWith("epoch 1: 2 samples of training could not be read and were left out (2 so far), first: sample ", StringComparison.Ordinal) && note.Contains("broken on purpose", StringComparison.Ordinal));
            Assert.Contains(fit.Notes, static note => note.StartsWith("epoch 2: 1 sample of validation could not be read and was left out (6 so far), first: sample 5", StringComparison.Ordinal));
            Assert.Equal(9, Fit(3).SkippedSamples);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void WhatAStreamCannotGive_IsSaid()
    {
        var stream = new ResumeFit.RecordStream(Images(52));
        string Refused(TrainerOptions options)
        {
            using var model = new ResumeNet();
            using Trainer<ResumeNet> trainer = model.CreateTrainer(options);
            return Assert.Throws<ArgumentException>(() => trainer.Fit(stream)).Message;
        }

        Assert.Contains("Set TrainerOptions.StepsPerEpoch or MaxSteps", Refused(Quiet with { Schedule = Schedule.Cosine }));
        Assert.Contains("front to back", Refused(Quiet with { Schedule = Schedule.Constant, Loader = new DataLoaderOptions { Sampler = new SequentialSampler(52) } }));
        Assert.Throws<ArgumentException>(() => Counted(Quiet with { StepsPerEpoch = 2, LimitTrainBatches = 2 }));
        Assert.Throws<ArgumentException>(() => Counted(Quiet with { StepsPerEpoch = 0 }));
        using var known = new ResumeNet();
        using Trainer<ResumeNet> trainer = known.CreateTrainer(Quiet with { Schedule = Schedule.Cosine, MaxSteps = 9 });
        Assert.Equal("MaxSteps: 9 updates were made.", trainer.Fit(stream).StopReason);
    }

    private static (long Steps, string? Reason) Counted(TrainerOptions options)
    {
        using var model = new ResumeNet();
        using Trainer<ResumeNet> trainer = model.CreateTrainer(options);
        FitResult fit = trainer.Fit(Images(52), Images(20));
        return (trainer.Step.Optimizer.StepCount, fit.StopReason);
    }

    private static List<long> Validated(TrainerOptions options)
    {
        using var model = new ResumeNet();
        var counter = new Counter();
        using Trainer<ResumeNet> trainer = model.CreateTrainer(options with { Callbacks = [counter] });
        trainer.Fit(Images(52), Images(20));
        return counter.Validations;
    }

    private static TensorDataset Images(int count)
    {
        var source = new Random(count);
        return TensorDataset.FromArrays([.. Enumerable.Range(0, count * 36).Select(_ => (float)source.NextDouble() - 0.5f)], [1, 6, 6], [.. Enumerable.Range(0, count).Select(_ => (long)source.Next(3))]);
    }

    private static TensorDataset Learnable(int count)
    {
        var source = new Random(count);
        long[] classes = [.. Enumerable.Range(0, count).Select(_ => (long)source.Next(3))];
        return TensorDataset.FromArrays([.. Enumerable.Range(0, count * 36).Select(i => (float)source.NextDouble() - 0.5f + (i % 36 / 12 == classes[i / 36] ? 1 : 0))], [1, 6, 6], classes);
    }

    private static TensorDataset Rows(int count, int? bad)
    {
        var source = new Random(count);
        return TensorDataset.FromArrays([.. Enumerable.Range(0, count * 3).Select(i => i / 3 == bad ? float.NaN : (float)source.NextDouble() - 0.5f)], [3], new float[count * 2], [2]);
    }

    /// <summary>Rows for the perceptron; remembers which were read.</summary>
    /// <summary>Some samples of a data set cannot be read.</summary>
    private sealed class Broken(Dataset inner, params int[] bad) : Dataset
    {
        public override int Count => inner.Count;

        public override IReadOnlyList<FieldSpec> Inputs => inner.Inputs;

        public override FieldSpec Target => inner.Target;

        public override void Read(int index, Sample sample)
        {
            if (bad.Contains(index))
            {
                throw new DataFormatException("broken on purpose");
            }

            inner.Read(index, sample);
        }
    }

    private sealed class Watched : Dataset
    {
        private readonly TensorDataset inner;

        public Watched(int count, int bad = -1)
        {
            var source = new Random(count);
            float[] x = [.. Enumerable.Range(0, count * 6).Select(i => i / 6 == bad ? float.NaN : (float)source.NextDouble() - 0.5f)];
            inner = TensorDataset.FromArrays(x, [6], [.. Enumerable.Range(0, count * 3).Select(i => x[i * 2])], [3]);
        }

        public HashSet<int> Seen { get; } = [];

        /// <summary>Samples that were asked for, those that failed included.</summary>
        public int Reads { get; private set; }

        public int Faults { get; private set; }

        /// <summary>Every read behind so many fails.</summary>
        public int FailsAfter { get; init; } = int.MaxValue;

        /// <summary>Called with the number of the read, from 1.</summary>
        public Action<int> OnRead { get; init; } = static _ => { };

        public override int Count => inner.Count;

        public override IReadOnlyList<FieldSpec> Inputs => inner.Inputs;

        public override FieldSpec Target => inner.Target;

        public override void Read(int index, Sample sample)
        {
            int reads;
            lock (Seen)
            {
                Seen.Add(index);
                reads = ++Reads;
                Faults += reads > FailsAfter ? 1 : 0;
            }

            OnRead(reads);
            if (reads > FailsAfter)
            {
                throw new InvalidDataException("gone");
            }

            inner.Read(index, sample);
        }
    }

    /// <summary>What the loop itself allocates for a step: batches and their tensors, nothing that grows.</summary>
    [Fact]
    public void Steps_AllocateLittle()
    {
        using var model = new ResumeNet();
        var meter = new AllocationMeter();
        using Trainer<ResumeNet> trainer = model.CreateTrainer(Quiet with { Epochs = 3, Callbacks = [meter] });
        trainer.Fit(Images(400));
        Assert.InRange(meter.PerStep, 0, 4096);
    }

    private sealed class AllocationMeter : TrainerCallback
    {
        private long start;

        public double PerStep { get; private set; }

        public override void OnStepEnd(TrainerContext context)
        {
            if (context.Epoch == 3 && context.StepsInEpoch == 10)
            {
                start = GC.GetAllocatedBytesForCurrentThread();
            }
            else if (context.Epoch == 3 && context.StepsInEpoch == 40)
            {
                PerStep = (GC.GetAllocatedBytesForCurrentThread() - start) / 30.0;
            }
        }
    }

    private sealed class AtValidation(Action<TrainerContext> act) : TrainerCallback
    {
        public override void OnValidationEnd(TrainerContext context) => act(context);
    }

    private sealed class AtEveryStep(Action<TrainerContext> act) : TrainerCallback
    {
        public override void OnStepEnd(TrainerContext context) => act(context);
    }

    private sealed class AtStep(long step, Action act) : TrainerCallback
    {
        public override void OnStepEnd(TrainerContext context)
        {
            if (context.Steps == step)
            {
                act();
            }
        }
    }

    private sealed class AtEpochEnd(Action act) : TrainerCallback
    {
        public string? Reason { get; init; }

        public override void OnEpochEnd(TrainerContext context)
        {
            act();
            if (Reason is not null)
            {
                context.RequestStop(Reason);
            }
        }
    }

    private sealed class Counter : TrainerCallback
    {
        public List<long> Validations { get; } = [];

        public long Skipped { get; private set; }

        public override void OnValidationEnd(TrainerContext context) => Validations.Add(context.Steps);

        public override void OnFitEnd(TrainerContext context) => Skipped = context.SkippedBatches;
    }

    private sealed class Follower : TrainerCallback
    {
        public double[]? Average { get; private set; }

        public float[]? Last { get; private set; }

        public override void OnStepEnd(TrainerContext context)
        {
            Last = context.Step.Parameters.Data.data<float>().ToArray();
            Average = Average is null ? [.. Last.Select(static value => (double)value)] : [.. Average.Zip(Last, static (average, value) => (0.7 * average) + (0.3 * value))];
        }
    }

    private sealed class EpochFollower(int from) : TrainerCallback
    {
        public double[]? Sum { get; private set; }

        public override void OnEpochEnd(TrainerContext context)
        {
            if (context.Epoch >= from)
            {
                float[] weights = context.Step.Parameters.Data.data<float>().ToArray();
                Sum = [.. weights.Select((value, i) => value + (Sum?[i] ?? 0))];
            }
        }
    }
}
