using ModelGen.Data;
using ModelGen.Schedulers;

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

    /// <summary>Learning-rate scheduler, instead of <see cref="Schedule"/>; null for none. A scheduler with state belongs to one fit.</summary>
    public LearningRateScheduler? Scheduler { get; init; }

    /// <summary>
    /// Batches whose gradients are added up before the parameters are updated: the update is that of one batch of all their samples, whatever their sizes. Default 1. Steps, schedules and limits
    /// count updates. Batch normalisation takes its statistics from each batch alone.
    /// </summary>
    public int AccumulateSteps { get; init; } = 1;

    /// <summary>Factor of the sum of the parameters' magnitudes that is added to the loss as a penalty; default 0. The reported loss is without it.</summary>
    public double L1 { get; init; }

    /// <summary>Factor of half the sum of the parameters' squares that is added to the loss as a penalty; default 0. The reported loss is without it.</summary>
    public double L2 { get; init; }

    /// <summary>Whether biases and the parameters of normalisations (those of fewer than two dimensions) are left out of weight decay and penalties; default false, as in PyTorch.</summary>
    public bool DecayMatricesOnly { get; init; }

    /// <summary>Weight decay, learning rate or freezing of single parameters, by name; where several groups name one, the last counts. Default none.</summary>
    public IReadOnlyList<ParameterGroup> Groups { get; init; } = [];

    /// <summary>
    /// Changes the optimizer's settings last, for those that have no option of their own: <c>settings => settings with { Kind = Optimizer.Rprop, StepSizes = (1e-6, 1) }</c>. Null (default) changes nothing.
    /// The memory that the build plans is that of the attribute's optimizer.
    /// </summary>
    public Func<OptimizerSettings, OptimizerSettings>? ConfigureOptimizer { get; init; }

    /// <summary>Averages of the weights; null for none.</summary>
    public WeightAveraging? Averaging { get; init; }

    /// <summary>Updates after which the fit ends; null for no limit. Schedules end there too when it comes before the last epoch.</summary>
    public long? MaxSteps { get; init; }

    /// <summary>Time after which the fit ends, with the step that runs then; null for no limit.</summary>
    public TimeSpan? MaxDuration { get; init; }

    /// <summary>
    /// Updates of an epoch, for data without an end or so much of it that validation and checkpoints should come more often: each epoch goes on in the data where the one before ended, and the data
    /// starts anew, in another order, when it ends. Null (default): an epoch is a pass over the data.
    /// </summary>
    public int? StepsPerEpoch { get; init; }

    /// <summary>Training batches of an epoch, the first ones of each pass over the data; null for all.</summary>
    public int? LimitTrainBatches { get; init; }

    /// <summary>Batches of a validation; null for all.</summary>
    public int? LimitValidationBatches { get; init; }

    /// <summary>Epochs between two validations; default 1. The last epoch is always validated.</summary>
    public int ValidateEveryEpochs { get; init; } = 1;

    /// <summary>Updates between two further validations within epochs; null for none.</summary>
    public int? ValidateEverySteps { get; init; }

    /// <summary>
    /// Batches that are validated before the first update, so that a fault of the validation set, a metric or the model's inference shows at once and not after an epoch; their values are dropped. A fit
    /// that goes on from a checkpoint leaves it out. Default 0; Lightning's <c>num_sanity_val_steps</c> is 2.
    /// </summary>
    public int SanityValidationBatches { get; init; }

    /// <summary>Runs one batch of training and validation and writes no checkpoint: to find out in seconds whether everything fits together. Default false.</summary>
    public bool FastDevRun { get; init; }

    /// <summary>Trains and validates on this many first batches of the training set, unshuffled: a model that cannot learn them by heart is faulty. Default 0, off.</summary>
    public int OverfitBatches { get; init; }

    /// <summary>
    /// Name of the value that early stopping, the best checkpoints and <see cref="ReduceLROnPlateau"/> look at: <c>"loss"</c>, <c>"accuracy"</c>, <c>"MAE"</c> or a name of
    /// <see cref="Metrics"/>, all of the validation, or <c>"train loss"</c>. Default the validation's loss, without a validation set the training loss.
    /// </summary>
    public string? Monitor { get; init; }

    /// <summary>Which values of <see cref="Monitor"/> are better; null for smaller ones of losses, errors and perplexity and larger ones of the others.</summary>
    public MonitorMode? MonitorMode { get; init; }

    /// <summary>Ends the fit when the monitored value no longer gets better; null for never.</summary>
    public EarlyStopping? EarlyStopping { get; init; }

    /// <summary>Figures that validation computes besides loss and accuracy; default none.</summary>
    public IReadOnlyList<Metric> Metrics { get; init; } = [];

    /// <summary>Where and when checkpoints are written, and whether a fit goes on from one; null for none.</summary>
    public CheckpointOptions? Checkpoints { get; init; }

    /// <summary>What is done about a loss or a gradient that is NaN or infinite; default <see cref="NonFiniteGuard.Stop"/>.</summary>
    public NonFiniteGuard NonFinite { get; init; } = NonFiniteGuard.Stop;

    /// <summary>Seed of shuffling and of torch's generator (dropout); the same seed gives the same run. Default 0.</summary>
    public int Seed { get; init; }

    /// <summary>Whether each epoch sees the samples in another order; default true. A stream is shuffled within <see cref="DataLoaderOptions.ShuffleBuffer"/>.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>Whether a last batch smaller than the others is left out; default false.</summary>
    public bool DropLast { get; init; }

    /// <summary>
    /// How batches are loaded: workers, prefetch, samplers, transforms of batches, what is done about samples that cannot be read. Batch size, shuffling, <see cref="DropLast"/>, seed and device are
    /// those of the trainer; validation takes workers, prefetch and the policy for errors alone. Null (default) loads a <see cref="TensorDataset"/> on the calling thread and others with the loader's
    /// default of workers, which read the data set from several threads at once.
    /// </summary>
    public DataLoaderOptions? Loader { get; init; }

    /// <summary>How progress is shown; default <see cref="TrainingProgress.Auto"/>.</summary>
    public TrainingProgress Progress { get; init; } = TrainingProgress.Auto;

    /// <summary>Called after every epoch.</summary>
    public Action<EpochResult>? OnEpoch { get; init; }

    /// <summary>Called at fixed points of a fit, in this order; default none.</summary>
    public IReadOnlyList<TrainerCallback> Callbacks { get; init; } = [];
}

/// <summary>What a trainer does about a loss or a gradient that is NaN or infinite.</summary>
public enum NonFiniteGuard
{
    /// <summary>
    /// The fit ends with an exception that names the first layer or value that was not finite. On a CPU the loss is looked at before each update, so the weights stay those of the step before;
    /// on other devices every 50 steps, as looking stalls them.
    /// </summary>
    Stop,

    /// <summary>As <see cref="Stop"/>, but all gradients are looked at too, before each update, on every device. Costs one more pass over the gradients.</summary>
    StopStrictly,

    /// <summary>The batch is left out and counted in <see cref="TrainerContext.SkippedBatches"/>; running statistics are put back. Looks at loss and gradients before each update, on every device.</summary>
    Skip,
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

    /// <summary>Share of the training time spent waiting for data, from 0 to 1.</summary>
    public double DataShare { get; init; }
}

/// <summary>Loss and metric over a data set.</summary>
/// <param name="Loss">Mean loss.</param>
/// <param name="Accuracy">Share of correct classes (cross-entropy) or correct yes/no decisions (BCE with logits); null otherwise.</param>
/// <param name="MeanAbsoluteError">Mean absolute error for regression losses; null otherwise.</param>
/// <param name="Samples">Number of samples.</param>
public sealed record EvaluationResult(double Loss, double? Accuracy, double? MeanAbsoluteError, long Samples)
{
    private static readonly Dictionary<string, double> None = [];

    /// <summary>Values of <see cref="TrainerOptions.Metrics"/> by name; empty when none were asked for.</summary>
    public IReadOnlyDictionary<string, double> Metrics { get; init; } = None;

    /// <summary>Samples that could not be read and were left out (<see cref="Data.SampleErrors.Skip"/>).</summary>
    public long SkippedSamples { get; init; }

    /// <summary>The first of them in words, with its file and the fault; null where none was left out.</summary>
    public string? FirstSkipped { get; init; }

    /// <summary>Counts of samples by true class (row) and assigned class (column); null unless <see cref="Metric.ConfusionMatrix"/> was asked for.</summary>
    public IReadOnlyList<long[]>? ConfusionMatrix { get; init; }
}

/// <summary>What a fit gave.</summary>
/// <param name="Epochs">Epochs in order.</param>
/// <param name="Duration">Time of the whole fit.</param>
public sealed record FitResult(IReadOnlyList<EpochResult> Epochs, TimeSpan Duration)
{
    /// <summary>Why the fit ended before its last epoch; null when it did not.</summary>
    public string? StopReason { get; init; }

    /// <summary>Readings of samples that failed and were left out (<see cref="Data.SampleErrors.Skip"/>), in training and validation; a sample counts in each epoch anew.</summary>
    public long SkippedSamples { get; init; }

    /// <summary>What the trainer did that is not in the numbers, such as leaving out a batch or using an older checkpoint because the last one is damaged; the first hundred.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}
