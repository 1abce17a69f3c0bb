using System.Diagnostics;
using System.Globalization;
using ModelGen.Data;
using ModelGen.Schedulers;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>One call of <c>Fit</c>.</summary>
internal sealed partial class FitLoop : IDisposable
{
    // A diverged run on a device is noticed at the latest after this many steps; reading the loss every step would stall it.
    private const int LookInterval = 50;

    private readonly nn.Module model;
    private readonly TrainAttribute settings;
    private readonly TrainerOptions options;
    private readonly IReadOnlyList<TrainerCallback> callbacks;
    private readonly TrainingStep step;
    private readonly IProgressDisplay display;
    private readonly BatchSource batches;
    private readonly Func<int?, EvaluationResult>? validate;
    private readonly TrainerContext context;
    private readonly LossSum loss;
    private readonly LearningRateScheduler scheduler;
    private readonly WeightAverages? averages;
    private readonly MonitoredValue monitor;
    private readonly StatisticsKeeper? statistics;
    private readonly List<EpochResult> epochs = [];
    private readonly Stopwatch epochClock = new();
    private TimeSpan earlierTime;
    private int batch;
    private long skipped;
    private long skippedInEpoch;
    private (int Pass, int Batch)? resumeAt;
    private double bestValue = double.NaN;
    private (long Step, double Value)? monitored;
    private int withoutBetter;

    public FitLoop(
        nn.Module model,
        TrainAttribute settings,
        TrainerOptions options,
        IReadOnlyList<TrainerCallback> callbacks,
        TrainingStep step,
        BatchSource batches,
        int epochCount,
        Func<int?, EvaluationResult>? validate,
        IProgressDisplay display)
    {
        this.callbacks = callbacks;
        this.model = model;
        this.settings = settings;
        this.options = options;
        this.step = step;
        this.validate = validate;
        this.display = display;
        this.batches = batches;
        Device device = step.Parameters.Data.device;
        monitor = new MonitoredValue(options, validate is not null);
        loss = new LossSum(step.Loss);
        context = new TrainerContext(model, settings, options, step, display.Note, () => loss.Value / context!.SamplesInEpoch)
        {
            Epochs = options.FastDevRun ? Math.Min(epochCount, 1) : epochCount,
            StepsPerEpoch = (batches.PerEpoch + options.AccumulateSteps - 1) / options.AccumulateSteps,
        };
        context.TotalSteps = context.StepsPerEpoch is int steps ? Math.Min((long)context.Epochs * steps, options.MaxSteps ?? long.MaxValue) : options.MaxSteps;
        scheduler = options.Scheduler ?? Planned(options.Schedule ?? settings.Schedule, context.TotalSteps);
        averages = options.Averaging is null ? null : new WeightAverages(step.Parameters);
        statistics = options.NonFinite == NonFiniteGuard.Skip ? new StatisticsKeeper(model) : null;
        step.ChecksLoss = device.type == DeviceType.CPU || options.NonFinite != NonFiniteGuard.Stop;
        step.ChecksGradients = options.NonFinite != NonFiniteGuard.Stop;
        step.Drop();
    }

    public FitResult Run(CancellationToken cancellation)
    {
        try
        {
            if (Folder is { } folder)
            {
                folder.Prepare();
                Restore(folder);
            }

            if (epochs.Count > 0)
            {
                context.LastEpoch = epochs[^1];
            }

            if (context.Steps == 0 && options is { SanityValidationBatches: > 0, FastDevRun: false })
            {
                // Only to see that it works: the values of an untrained model are of no use.
                validate?.Invoke(options.SanityValidationBatches);
            }

            Call(callback => callback.OnFitStart(context));
            CheckLimits();
            CheckPatience();
            while (context.StopReason is null && epochs.Count < context.Epochs)
            {
                RunEpoch(cancellation);
            }

            Finish(cancellation);
            context.Result = new FitResult([.. epochs], context.Elapsed) { StopReason = context.StopReason, SkippedSamples = context.SkippedSamples, Notes = context.Notes };
            Call(callback => callback.OnFitEnd(context));
            return context.Result;
        }
        catch (Exception exception)
        {
            Report(exception);
            throw;
        }
    }

    public void Dispose()
    {
        step.ChecksLoss = false;
        step.ChecksGradients = false;
        step.Drop();
        loss.Dispose();
        averages?.Dispose();
        statistics?.Dispose();
    }

    private int? ValidationLimit => options.FastDevRun ? 1 : options.LimitValidationBatches;

    private static LearningRateScheduler Planned(Schedule schedule, long? steps) =>
        steps is long known || schedule == Schedule.Constant
            ? LearningRateScheduler.For(schedule, steps ?? 1)
            : throw new ArgumentException($"Schedule.{schedule} depends on the number of updates, which a stream does not tell. Set TrainerOptions.StepsPerEpoch or MaxSteps, or a Scheduler of a length of its own.");

    private void Call(Action<TrainerCallback> hook)
    {
        foreach (TrainerCallback callback in callbacks)
        {
            hook(callback);
        }
    }

    // A callback that fails here must neither keep the others from hearing of the exception nor hide it.
    private void Report(Exception exception)
    {
        var further = new List<Exception>();
        foreach (TrainerCallback callback in callbacks)
        {
            try
            {
                callback.OnException(context, exception);
            }
            catch (Exception failure)
            {
                further.Add(failure);
            }
        }

        if (further.Count > 0)
        {
            throw new AggregateException("The fit failed, and so did callbacks that were told about it.", [exception, .. further]);
        }
    }

    private void RunEpoch(CancellationToken cancellation)
    {
        if (context.Epoch == epochs.Count)
        {
            context.Epoch++;
            context.SamplesInEpoch = 0;
            context.StepsInEpoch = 0;
            batch = 0;
            loss.Value = 0;
            earlierTime = TimeSpan.Zero;
        }

        model.train();
        Call(callback => callback.OnEpochStart(context));
        batches.BeginEpoch(context.Epoch, batch, context.Epochs, resumeAt);
        resumeAt = null;
        epochClock.Restart();
        while (!batches.EndsEpoch && context.StopReason is null)
        {
            RunStep(First(cancellation));
            bool ended = batches.EndsEpoch;
            if (options.ValidateEverySteps is int interval && context.Steps % interval == 0 && !ended)
            {
                epochClock.Stop();
                Validate();
                epochClock.Start();
            }

            if (options.Checkpoints?.EverySteps is int every && context.Steps % every == 0 && !ended && context.StopReason is null)
            {
                epochClock.Stop();
                Save();
                epochClock.Start();
            }
        }

        epochClock.Stop();
        EndEpoch();
    }

    /// <summary>The first batch of a step. Until it is there the state is that of the step before, which is saved on cancellation; the other batches of the step are not given up.</summary>
    private Batch First(CancellationToken cancellation)
    {
        try
        {
            cancellation.ThrowIfCancellationRequested();
            return batches.Next(cancellation);
        }
        catch (OperationCanceledException)
        {
            epochClock.Stop();
            Save();
            throw;
        }
    }

    private void RunStep(Batch part)
    {
        SetRates();
        int samples = 0;
        bool last = false;
        for (int i = 1; !last; i++)
        {
            part = i == 1 ? part : batches.Next(CancellationToken.None);
            last = i == options.AccumulateSteps || batches.EndsEpoch;
            statistics?.Keep();
            if (i == 1 && last)
            {
                step.Run(part.Inputs, part.Target);
            }
            else
            {
                step.Accumulate(part.Inputs, part.Target, part.Count, last);
            }

            batch++;
            if (step.WasRefused)
            {
                Refused(part);
                continue;
            }

            loss.Add(part.Count);
            samples += part.Count;
        }

        context.Steps++;
        context.StepsInEpoch++;
        context.StepSamples = samples;
        context.SamplesInEpoch += samples;
        context.Samples += samples;
        context.SamplesPerSecond = context.SamplesInEpoch / (earlierTime + epochClock.Elapsed).TotalSeconds;
        context.DataShare = batches.Waited / epochClock.Elapsed;
        CountSkipped();
        if (options.Averaging is ExponentialAveraging average)
        {
            averages!.Add(1 - average.Decay);
        }

        if (!step.ChecksLoss && (context.Steps % LookInterval == 0 || batches.EndsEpoch) && !double.IsFinite(loss.Value))
        {
            throw new ArithmeticException(
                $"The loss became {loss.Value} in epoch {context.Epoch}, at step {context.StepsInEpoch} or up to {LookInterval - 1} steps before. "
                + $"Lower the learning rate (now {step.Optimizer.LearningRate:G3}), and check the inputs for NaN and the targets for values out of range. "
                + "TrainerOptions.NonFinite = NonFiniteGuard.StopStrictly looks before each update and names the first layer.");
        }

        display.Step(context);
        foreach (TrainerCallback callback in callbacks)
        {
            callback.OnStepEnd(context);
        }

        CheckLimits();
    }

    private void SetRates()
    {
        if (options.Averaging is StochasticAveraging { LearningRate: double constant } average && context.Epoch >= average.StartEpoch)
        {
            step.Optimizer.LearningRate = constant;
            return;
        }

        long place = scheduler.Unit == SchedulerUnit.Step ? context.Steps : context.Epoch - 1;
        step.Optimizer.LearningRate = scheduler.At(place, options.LearningRate ?? settings.LearningRate);
        if (scheduler.MomentumAt(place) is double momentum)
        {
            step.Optimizer.Momentum = momentum;
        }
    }

    private void Refused(Batch part)
    {
        if (options.NonFinite == NonFiniteGuard.Skip)
        {
            statistics!.Restore();
            context.SkippedBatches++;
            context.Note($"epoch {context.Epoch}, batch {batch}: loss or gradients are not finite; the batch is left out ({context.SkippedBatches} so far).");
            return;
        }

        if (step.TookBack)
        {
            throw new ArithmeticException(
                $"The loss or a gradient became NaN or infinite after an iteration of LBFGS in epoch {context.Epoch}, at batch {batch}. The weights are those before this step. "
                + $"Set LineSearch = LineSearch.StrongWolfe, which tries shorter steps, or lower the learning rate (now {step.Optimizer.LearningRate:G3}).");
        }

        throw new ArithmeticException(
            $"The loss or a gradient became NaN or infinite in epoch {context.Epoch}, at batch {batch}. {NonFiniteReport.Describe(model, settings, step, part)} "
            + $"The weights are those before this step. Lower the learning rate (now {step.Optimizer.LearningRate:G3}), or set ClipNorm.");
    }

    private void CountSkipped()
    {
        long now = batches.SkippedSamples;
        context.SkippedSamples += now - skipped;
        skippedInEpoch += now - skipped;
        skipped = now;
    }

    private void NoteSkipped(string what, long count, string? first)
    {
        if (count > 0)
        {
            context.Note(string.Create(
                CultureInfo.InvariantCulture,
                $"epoch {context.Epoch}: {count} {(count == 1 ? "sample" : "samples")} of {what} could not be read and {(count == 1 ? "was" : "were")} left out ({context.SkippedSamples} so far){(first is null ? "" : $", first: {first}")}"));
        }
    }

    private void CheckLimits()
    {
        if (context.Steps >= options.MaxSteps)
        {
            context.RequestStop($"MaxSteps: {context.Steps} updates were made.");
        }
        else if (context.Elapsed >= options.MaxDuration)
        {
            context.RequestStop($"MaxDuration: {options.MaxDuration} have passed.");
        }
    }

    private void EndEpoch()
    {
        bool whole = batches.EndsEpoch;
        bool last = context.Epoch == context.Epochs || context.StopReason is not null;
        if (whole && options.Averaging is StochasticAveraging average && context.Epoch >= average.StartEpoch)
        {
            averages!.Add(1.0 / (averages.Count + 1));
        }

        NoteSkipped("training", skippedInEpoch, batches.FirstSkipped?.ToString());
        skippedInEpoch = 0;
        TimeSpan duration = earlierTime + epochClock.Elapsed;
        var result = new EpochResult(context.Epoch, loss.Value / context.SamplesInEpoch, null, duration, context.SamplesInEpoch / duration.TotalSeconds, step.Optimizer.LearningRate)
        {
            DataShare = double.IsNaN(context.DataShare) ? 0 : context.DataShare,
        };
        if (validate is null)
        {
            Observe();
        }
        else if (last || context.Epoch % options.ValidateEveryEpochs == 0)
        {
            Validate();
            result = result with { Validation = context.Validation };
        }

        // A checkpoint within an epoch goes on in it; its result is that of its part alone.
        if (!whole)
        {
            Save();
        }

        epochs.Add(result);
        context.LastEpoch = result;
        display.Epoch(result);
        options.OnEpoch?.Invoke(result);
        Call(callback => callback.OnEpochEnd(context));
        int every = options.Checkpoints?.EveryEpochs ?? 0;
        if (whole && (last || context.StopReason is not null || (every > 0 && context.Epoch % every == 0)))
        {
            Save();
        }
    }

    private void Validate()
    {
        bool average = averages is { Count: > 0 } && options.Averaging is ExponentialAveraging;
        if (average)
        {
            averages!.Swap();
        }

        try
        {
            context.Validation = validate!(ValidationLimit);
        }
        finally
        {
            if (average)
            {
                averages!.Swap();
            }
        }

        context.SkippedSamples += context.Validation!.SkippedSamples;
        NoteSkipped("validation", context.Validation.SkippedSamples, context.Validation.FirstSkipped);
        Observe();
        Call(callback => callback.OnValidationEnd(context));
    }

    private void Observe()
    {
        double value = monitor.Of(loss.Value / context.SamplesInEpoch, context.Validation);
        monitored = (context.Steps, value);
        scheduler.Observe(value);
        if (monitor.IsBetter(value, bestValue, options.EarlyStopping?.MinDelta ?? 0))
        {
            bestValue = value;
            withoutBetter = 0;
        }
        else
        {
            withoutBetter++;
        }

        CheckPatience();
    }

    private void CheckPatience()
    {
        if (options.EarlyStopping is { } early && withoutBetter >= early.Patience)
        {
            context.RequestStop($"EarlyStopping: {monitor.Name} has not got better than {bestValue:G6} in {withoutBetter} validations.");
        }
    }

    /// <summary>Puts the averages into the model.</summary>
    private void Finish(CancellationToken cancellation)
    {
        if (averages is not { Count: > 0 })
        {
            return;
        }

        averages.Swap();
        if (options.Averaging is StochasticAveraging)
        {
            model.train();
            // Quantization-aware training has batch normalisation folded into the weights, with the statistics as they are.
            if (model is not ICompiledModel { Quantization.IsCalibrated: true })
            {
                NormStatistics.Estimate(model, step, batches, cancellation);
            }

            if (validate is not null)
            {
                context.Validation = validate(ValidationLimit);
                Call(callback => callback.OnValidationEnd(context));
            }
        }
    }
}
