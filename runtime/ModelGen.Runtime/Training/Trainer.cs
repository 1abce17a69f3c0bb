using System.Runtime.CompilerServices;
using ModelGen.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>Trains a model with its generated training step.</summary>
/// <typeparam name="TModel">A class with <c>[Model]</c> and <c>[Train]</c>.</typeparam>
public sealed partial class Trainer<TModel> : IDisposable
    where TModel : nn.Module, ICompiledModel
{
    private readonly TModel model;
    private readonly TrainerOptions options;
    private readonly TrainAttribute settings;
    private TrainingStep? step;
    private bool stepRounds;

    /// <summary>A trainer for a model. <c>model.CreateTrainer()</c> is the usual way to get one.</summary>
    /// <param name="model">The model; the trainer does not dispose it.</param>
    /// <param name="options">Settings that differ from the attribute; null for none.</param>
    /// <exception cref="InvalidOperationException">The class has no <c>[Train]</c>.</exception>
    /// <exception cref="ArgumentException">A number is out of its range, or a metric has no meaning for the loss.</exception>
    public Trainer(TModel model, TrainerOptions? options = null)
    {
        this.model = model;
        this.options = options ?? new TrainerOptions();
        settings = model.TrainSettings ?? throw new InvalidOperationException($"{typeof(TModel).Name} has no [Train] attribute; add one, such as [Train(Loss.CrossEntropy, Optimizer.AdamW)].");
        TrainerOptions o = this.options;
        if (BatchSize < 1 || Epochs < 0)
        {
            throw new ArgumentException($"BatchSize must be at least 1 and Epochs at least 0, got {BatchSize} and {Epochs}.", nameof(options));
        }

        if (o is { StepsPerEpoch: not null, LimitTrainBatches: not null })
        {
            throw new ArgumentException("StepsPerEpoch goes on in the data from epoch to epoch, LimitTrainBatches begins each epoch at its start: set one of them.", nameof(options));
        }

        if (o.AccumulateSteps < 1 || o.StepsPerEpoch < 1 || o.LimitTrainBatches < 1 || o.LimitValidationBatches < 1 || o.ValidateEveryEpochs < 1 || o.ValidateEverySteps < 1 || o.SanityValidationBatches < 0 || o.OverfitBatches < 0 || o.MaxSteps < 0
            || o.EarlyStopping?.Patience < 1 || o.Checkpoints is { EveryEpochs: < 0 } or { EverySteps: < 1 } or { KeepLast: < 1 } or { KeepBest: < 0 })
        {
            throw new ArgumentException("AccumulateSteps, StepsPerEpoch, the limits of batches, the intervals of validation and checkpoints, Patience and KeepLast must be at least 1; OverfitBatches, SanityValidationBatches, MaxSteps, EveryEpochs and KeepBest at least 0.", nameof(options));
        }

        foreach (Metric metric in o.Metrics)
        {
            metric.Check(settings.Loss);
        }
    }

    /// <summary>The generated training step and its optimizer; made on first use, and anew when the model was calibrated for quantization-aware training since.</summary>
    public TrainingStep Step
    {
        get
        {
            if (step is null || stepRounds != Rounds)
            {
                step?.Dispose();
                stepRounds = Rounds;
                step = model.CreateTrainingStep(Settings());
            }

            return step;
        }
    }

    /// <summary>Whether the model is trained and measured as the integer model it will be.</summary>
    private bool Rounds => model.Quantization is { IsCalibrated: true };

    private int BatchSize => options.BatchSize ?? settings.BatchSize;

    private int EvaluationBatch => Math.Max(BatchSize, 256);

    private int Epochs => options.Epochs ?? settings.Epochs;

    private Device Device => model.parameters().FirstOrDefault()?.device ?? CPU;

    /// <summary>
    /// Trains for the set number of epochs, or goes on from a checkpoint (<see cref="TrainerOptions.Checkpoints"/>). A second call without checkpoints starts the schedule again and keeps the
    /// optimizer's state.
    /// </summary>
    /// <param name="train">Training samples.</param>
    /// <param name="validation">Samples measured after every epoch; null for none.</param>
    /// <param name="cancellation">Stops between two updates; the model keeps what it has learned so far, and a checkpoint is written where they are asked for.</param>
    /// <returns>Losses and metrics of the epochs, those before a checkpoint included.</returns>
    /// <exception cref="ArgumentException">A data set is empty or does not fit the model, or a pattern names no parameter.</exception>
    /// <exception cref="ArithmeticException">The loss became NaN or infinite.</exception>
    /// <exception cref="CheckpointException">A checkpoint cannot be written, or is not one of this fit.</exception>
    /// <exception cref="OperationCanceledException">Cancellation was requested.</exception>
    public FitResult Fit(Dataset train, Dataset? validation = null, CancellationToken cancellation = default) => Fit(train, Validation(validation), cancellation);

    /// <summary>As the first overload, measured on a stream.</summary>
    /// <param name="train">Training samples.</param>
    /// <param name="validation">Samples measured after every epoch: the whole pass 0 of the stream, in its order, or <see cref="TrainerOptions.LimitValidationBatches"/> of it.</param>
    /// <param name="cancellation">As for the first overload.</param>
    /// <returns>Losses and metrics of the epochs, those before a checkpoint included.</returns>
    /// <exception cref="ArgumentException">A data set is empty or does not fit the model, or a pattern names no parameter.</exception>
    /// <exception cref="ArithmeticException">The loss became NaN or infinite.</exception>
    /// <exception cref="CheckpointException">A checkpoint cannot be written, or is not one of this fit.</exception>
    /// <exception cref="OperationCanceledException">Cancellation was requested.</exception>
    [OverloadResolutionPriority(-1)]
    public FitResult Fit(Dataset train, StreamingDataset validation, CancellationToken cancellation = default) => Fit(train, Validation(validation), cancellation);

    /// <summary>
    /// Trains on a stream. An epoch goes to the end of the stream, or takes <see cref="TrainerOptions.StepsPerEpoch"/> updates and goes on where the one before ended. A fit that goes on from a
    /// checkpoint finds its place with <see cref="StreamingDataset{TRecord}.Records(int, long)"/>; a shuffled stream is read up to there again.
    /// </summary>
    /// <param name="train">Training samples. <see cref="TrainerOptions.Shuffle"/> shuffles within <see cref="DataLoaderOptions.ShuffleBuffer"/> records; set it to false for the stream's own order.</param>
    /// <param name="validation">Samples measured after every epoch; null for none.</param>
    /// <param name="cancellation">As for the other overload.</param>
    /// <returns>Losses and metrics of the epochs, those before a checkpoint included.</returns>
    /// <exception cref="ArgumentException">
    /// Something needs the number of samples: a schedule without <see cref="TrainerOptions.StepsPerEpoch"/> or <see cref="TrainerOptions.MaxSteps"/>, a sampler. Or a data set does not fit the model.
    /// </exception>
    /// <exception cref="ArithmeticException">The loss became NaN or infinite.</exception>
    /// <exception cref="CheckpointException">A checkpoint cannot be written, or is not one of this fit.</exception>
    /// <exception cref="OperationCanceledException">Cancellation was requested.</exception>
    public FitResult Fit(StreamingDataset train, Dataset? validation = null, CancellationToken cancellation = default) => Fit(train, Validation(validation), cancellation);

    /// <summary>Trains on a stream and measures on another.</summary>
    /// <param name="train">Training samples, as for the overload before.</param>
    /// <param name="validation">Samples measured after every epoch: the whole pass 0 of the stream, in its order, or <see cref="TrainerOptions.LimitValidationBatches"/> of it.</param>
    /// <param name="cancellation">As for the first overload.</param>
    /// <returns>Losses and metrics of the epochs, those before a checkpoint included.</returns>
    /// <exception cref="ArgumentException">As for the overload before.</exception>
    /// <exception cref="ArithmeticException">The loss became NaN or infinite.</exception>
    /// <exception cref="CheckpointException">A checkpoint cannot be written, or is not one of this fit.</exception>
    /// <exception cref="OperationCanceledException">Cancellation was requested.</exception>
    [OverloadResolutionPriority(-1)]
    public FitResult Fit(StreamingDataset train, StreamingDataset validation, CancellationToken cancellation = default) => Fit(train, Validation(validation), cancellation);

    /// <summary>Measures the model on a data set, with fused inference; a model that was calibrated for quantization-aware training as the integer model that it will be.</summary>
    /// <param name="data">The samples.</param>
    /// <returns>Loss and metric.</returns>
    public EvaluationResult Evaluate(Dataset data) => Evaluate(data, null);

    /// <summary>As above, for pass 0 of a stream.</summary>
    /// <param name="data">The samples.</param>
    /// <returns>Loss and metric.</returns>
    /// <exception cref="DataLoadException">The stream is empty, or a sample cannot be read.</exception>
    public EvaluationResult Evaluate(StreamingDataset data) => Evaluate(data, null);

    /// <summary>Frees gradients and optimizer state; the model stays as trained.</summary>
    public void Dispose() => step?.Dispose();

    private Func<int?, EvaluationResult>? Validation(Dataset? data)
    {
        if (data is null)
        {
            return null;
        }

        DatasetCheck.Check(data, settings.Loss, "validation");
        return limit => Evaluate(data, limit);
    }

    private Func<int?, EvaluationResult> Validation(StreamingDataset data)
    {
        DatasetCheck.CheckTarget(data.Target, settings.Loss, "validation");
        return limit => Evaluate(data, limit);
    }

    private FitResult Fit(Dataset train, Func<int?, EvaluationResult>? validate, CancellationToken cancellation)
    {
        DatasetCheck.Check(train, settings.Loss, "training");
        if (options.OverfitBatches > 0)
        {
            int count = Math.Min(train.Count, options.OverfitBatches * Math.Min(BatchSize, train.Count));
            train = new Subset(train, [.. Enumerable.Range(0, count)]);
            validate = Validation(train);
        }

        return Run(() => new BatchSource(train, options, BatchSize, Device), validate, cancellation);
    }

    private FitResult Fit(StreamingDataset train, Func<int?, EvaluationResult>? validate, CancellationToken cancellation)
    {
        DatasetCheck.CheckTarget(train.Target, settings.Loss, "training");
        if (options.OverfitBatches > 0)
        {
            train = new StreamStart(train, (long)options.OverfitBatches * BatchSize * (options.Loader?.World ?? 1));
            validate = Validation(train);
        }

        return Run(() => new BatchSource(train, options, BatchSize, Device), validate, cancellation);
    }

    private FitResult Run(Func<BatchSource> batches, Func<int?, EvaluationResult>? validate, CancellationToken cancellation)
    {
        bool wasTraining = model.training;
        using IProgressDisplay display = ProgressDisplay.Create(options.Progress, Epochs);
        random.manual_seed(options.Seed);
        if (settings.Precision == Precision.BFloat16 && Device.type == DeviceType.CPU && !Kernels.Hardware.MultipliesBFloat16)
        {
            display.Note("Precision.BFloat16: this processor has no bfloat16 products (AVX512_BF16), so they run on ordinary instructions; the results are those of bfloat16, the speed is that of float32.");
        }

        try
        {
            using BatchSource source = batches();
            using var loop = new FitLoop(model, settings, options, [history, .. options.Callbacks], Step, source, Epochs, validate, display);
            return loop.Run(cancellation);
        }
        finally
        {
            model.train(wasTraining);
        }
    }

    private EvaluationResult Evaluate(Dataset data, int? limit)
    {
        DatasetCheck.Check(data, settings.Loss, "evaluation");
        using DataLoader loader = BatchSource.InOrder(data, options, Math.Min(EvaluationBatch, data.Count), Device);
        return Evaluate(loader, limit);
    }

    private EvaluationResult Evaluate(StreamingDataset data, int? limit)
    {
        DatasetCheck.CheckTarget(data.Target, settings.Loss, "evaluation");
        using DataLoader loader = BatchSource.InOrder(data, options, EvaluationBatch, Device);
        return Evaluate(loader, limit);
    }

    private EvaluationResult Evaluate(DataLoader loader, int? limit)
    {
        bool wasTraining = model.training;
        using IDisposable guard = no_grad();
        using var metrics = new Metrics(settings, options.Metrics);
        bool rounds = Rounds;
        try
        {
            model.eval();
            foreach (Batch batch in loader.Batches().Take(limit ?? int.MaxValue))
            {
                using Tensor prediction = rounds ? model.InferQuantizedBatch(batch.Inputs) : model.InferBatch(batch.Inputs);
                metrics.Add(prediction, batch.Target, batch.Count);
            }
        }
        finally
        {
            model.train(wasTraining);
        }

        return metrics.Result() with { SkippedSamples = loader.SkippedSamples, FirstSkipped = loader.SkipReport.Count > 0 ? loader.SkipReport[0].ToString() : null };
    }

    private OptimizerSettings Settings()
    {
        OptimizerSettings attribute = OptimizerSettings.From(settings);
        OptimizerSettings own = attribute with
        {
            LearningRate = options.LearningRate ?? attribute.LearningRate,
            WeightDecay = options.WeightDecay ?? attribute.WeightDecay,
            Momentum = options.Momentum ?? attribute.Momentum,
            ClipNorm = options.ClipNorm ?? attribute.ClipNorm,
            ClipValue = options.ClipValue ?? attribute.ClipValue,
            L1 = options.L1,
            L2 = options.L2,
            DecayMatricesOnly = options.DecayMatricesOnly,
            Groups = options.Groups,
        };
        OptimizerSettings wanted = options.ConfigureOptimizer?.Invoke(own) ?? own;
        return wanted.Kind == Optimizer.LBFGS && settings.QuantizationAware != QuantizationAware.None
            ? throw new ArgumentException("Quantization-aware training rounds, and the gradients that it takes are not those of the rounded loss, along which LBFGS would search. Use AdamW or SGD.")
            : wanted;
    }
}
