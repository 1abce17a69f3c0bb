using Microsoft.Extensions.Logging;

namespace ModelGen.Monitoring;

/// <summary>Reports a fit to an <see cref="ILogger"/>: start, epochs, checkpoints and end as information, steps as debug, an exception as error. Values are named, for structured logs.</summary>
/// <param name="logger">Receives the messages.</param>
public sealed partial class LoggerCallback(ILogger logger) : TrainerCallback
{
    /// <summary>Steps from one message to the next; default 100. The loss is read back only when the level <see cref="LogLevel.Debug"/> is on.</summary>
    public int Interval { get; init; } = 100;

    /// <inheritdoc/>
    public override void OnFitStart(TrainerContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        Started(logger, context.Model.GetType().Name, context.Epochs, context.StepsPerEpoch, context.Step.Parameters.Slices.Sum(static slice => slice.Count));
    }

    /// <inheritdoc/>
    public override void OnStepEnd(TrainerContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.Steps % Interval == 0 && logger.IsEnabled(LogLevel.Debug))
        {
            Stepped(logger, context.Steps, context.TotalSteps, context.ReadLoss(), context.LearningRate, context.SamplesPerSecond);
        }
    }

    /// <inheritdoc/>
    public override void OnEpochEnd(TrainerContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        EpochResult epoch = context.LastEpoch!;
        if (epoch.Validation is { } validation)
        {
            Validated(logger, epoch.Epoch, epoch.TrainLoss, validation.Loss, validation.Accuracy ?? validation.MeanAbsoluteError ?? double.NaN, validation.Accuracy is null ? "mean absolute error" : "accuracy", epoch.SamplesPerSecond);
        }
        else
        {
            Trained(logger, epoch.Epoch, epoch.TrainLoss, epoch.SamplesPerSecond);
        }
    }

    /// <inheritdoc/>
    public override void OnCheckpointSaved(TrainerContext context, string path) => Saved(logger, path);

    /// <inheritdoc/>
    public override void OnException(TrainerContext context, Exception exception)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (exception is OperationCanceledException)
        {
            Cancelled(logger, context.Steps);
        }
        else
        {
            Failed(logger, exception, context.Steps);
        }
    }

    /// <inheritdoc/>
    public override void OnFitEnd(TrainerContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        Ended(logger, context.Steps, context.Elapsed.TotalSeconds, context.StopReason ?? "all epochs were done");
    }

    [LoggerMessage(1, LogLevel.Information, "Training {Model} for {Epochs} epochs of {StepsPerEpoch} steps, {Parameters} parameters")]
    private static partial void Started(ILogger logger, string model, int epochs, int? stepsPerEpoch, long parameters);

    [LoggerMessage(2, LogLevel.Debug, "Step {Step} of {TotalSteps}: loss {Loss}, learning rate {LearningRate}, {SamplesPerSecond} samples/s")]
    private static partial void Stepped(ILogger logger, long step, long? totalSteps, double loss, double learningRate, double samplesPerSecond);

    [LoggerMessage(3, LogLevel.Information, "Epoch {Epoch}: loss {Loss}, {SamplesPerSecond} samples/s")]
    private static partial void Trained(ILogger logger, int epoch, double loss, double samplesPerSecond);

    [LoggerMessage(4, LogLevel.Information, "Epoch {Epoch}: loss {Loss}, validation loss {ValidationLoss}, {Metric} {Score}, {SamplesPerSecond} samples/s")]
    private static partial void Validated(ILogger logger, int epoch, double loss, double validationLoss, double score, string metric, double samplesPerSecond);

    [LoggerMessage(5, LogLevel.Information, "Checkpoint {Path}")]
    private static partial void Saved(ILogger logger, string path);

    [LoggerMessage(6, LogLevel.Warning, "The fit was cancelled after {Steps} steps")]
    private static partial void Cancelled(ILogger logger, long steps);

    [LoggerMessage(7, LogLevel.Error, "The fit failed after {Steps} steps")]
    private static partial void Failed(ILogger logger, Exception exception, long steps);

    [LoggerMessage(8, LogLevel.Information, "The fit ended after {Steps} steps and {Seconds} s: {Reason}")]
    private static partial void Ended(ILogger logger, long steps, double seconds, string reason);
}
