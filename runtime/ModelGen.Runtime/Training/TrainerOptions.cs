namespace ModelGen;

/// <summary>Settings of a <see cref="Trainer{TModel}"/> that differ from the class's <see cref="TrainAttribute"/>; null keeps the attribute's value.</summary>
public sealed record TrainerOptions
{
    /// <summary>Passes over the training set.</summary>
    public int? Epochs { get; init; }

    /// <summary>Samples per step.</summary>
    public int? BatchSize { get; init; }

    /// <summary>Peak learning rate.</summary>
    public double? LearningRate { get; init; }

    /// <summary>Weight decay.</summary>
    public double? WeightDecay { get; init; }

    /// <summary>Momentum of SGD.</summary>
    public double? Momentum { get; init; }

    /// <summary>Largest L2 norm of all gradients together; 0 for no limit.</summary>
    public double? ClipNorm { get; init; }

    /// <summary>Largest magnitude of a gradient; 0 for no limit.</summary>
    public double? ClipValue { get; init; }

    /// <summary>Learning-rate schedule.</summary>
    public Schedule? Schedule { get; init; }

    /// <summary>Seed of shuffling and of torch's generator (dropout); the same seed gives the same run. Default 0.</summary>
    public int Seed { get; init; }

    /// <summary>Whether each epoch sees the samples in another order; default true.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>Whether a last batch smaller than the others is left out; default false.</summary>
    public bool DropLast { get; init; }

    /// <summary>How progress is shown; default <see cref="TrainingProgress.Auto"/>.</summary>
    public TrainingProgress Progress { get; init; } = TrainingProgress.Auto;

    /// <summary>Called after every epoch.</summary>
    public Action<EpochResult>? OnEpoch { get; init; }

    /// <summary>Called at fixed points of a fit, in this order; default none.</summary>
    public IReadOnlyList<TrainerCallback> Callbacks { get; init; } = [];
}

/// <summary>How a trainer shows progress.</summary>
public enum TrainingProgress
{
    /// <summary>A live bar on a terminal, lines when the output is redirected.</summary>
    Auto,

    /// <summary>Nothing is shown.</summary>
    None,

    /// <summary>One line per epoch.</summary>
    Plain,

    /// <summary>A bar with the remaining time within the epoch, and a line per epoch.</summary>
    Live,
}

/// <summary>What one epoch gave.</summary>
/// <param name="Epoch">Number of the epoch, from 1.</param>
/// <param name="TrainLoss">Mean loss over the training samples.</param>
/// <param name="Validation">Loss and metric on the validation set; null without one.</param>
/// <param name="Duration">Time of training, without validation.</param>
/// <param name="SamplesPerSecond">Training samples per second.</param>
/// <param name="LearningRate">Learning rate of the last step.</param>
public sealed record EpochResult(int Epoch, double TrainLoss, EvaluationResult? Validation, TimeSpan Duration, double SamplesPerSecond, double LearningRate)
{
    /// <summary>Share of validation samples classified correctly; null without validation or for regression.</summary>
    public double? Accuracy => Validation?.Accuracy;

    /// <summary>Mean loss over the validation samples; null without validation.</summary>
    public double? ValidationLoss => Validation?.Loss;
}

/// <summary>Loss and metric over a data set.</summary>
/// <param name="Loss">Mean loss.</param>
/// <param name="Accuracy">Share of correct classes (cross-entropy) or correct yes/no decisions (BCE with logits); null otherwise.</param>
/// <param name="MeanAbsoluteError">Mean absolute error for regression losses; null otherwise.</param>
/// <param name="Samples">Number of samples.</param>
public sealed record EvaluationResult(double Loss, double? Accuracy, double? MeanAbsoluteError, long Samples);

/// <summary>What a fit gave.</summary>
/// <param name="Epochs">Epochs in order.</param>
/// <param name="Duration">Time of the whole fit.</param>
public sealed record FitResult(IReadOnlyList<EpochResult> Epochs, TimeSpan Duration)
{
    /// <summary>Why the fit ended before its last epoch; null when it did not.</summary>
    public string? StopReason { get; init; }
}
