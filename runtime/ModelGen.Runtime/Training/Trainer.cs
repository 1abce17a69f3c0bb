using System.Diagnostics;
using ModelGen.Data;
using ModelGen.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>Trains a model with its generated training step.</summary>
/// <typeparam name="TModel">A class with <c>[Model]</c> and <c>[Train]</c>.</typeparam>
public sealed partial class Trainer<TModel> : IDisposable
    where TModel : nn.Module, ICompiledModel
{
    // A diverged run is noticed at the latest after this many steps; reading the loss every step would stall a GPU.
    private const int NanCheckInterval = 50;

    private readonly TModel model;
    private readonly TrainerOptions options;
    private readonly TrainAttribute settings;
    private TrainingStep? step;

    /// <summary>A trainer for a model. <c>model.CreateTrainer()</c> is the usual way to get one.</summary>
    /// <param name="model">The model; the trainer does not dispose it.</param>
    /// <param name="options">Settings that differ from the attribute; null for none.</param>
    /// <exception cref="InvalidOperationException">The class has no <c>[Train]</c>.</exception>
    public Trainer(TModel model, TrainerOptions? options = null)
    {
        this.model = model;
        this.options = options ?? new TrainerOptions();
        settings = model.TrainSettings ?? throw new InvalidOperationException($"{typeof(TModel).Name} has no [Train] attribute; add one, such as [Train(Loss.CrossEntropy, Optimizer.AdamW)].");
        if (BatchSize < 1 || Epochs < 0)
        {
            throw new ArgumentException($"BatchSize must be at least 1 and Epochs at least 0, got {BatchSize} and {Epochs}.", nameof(options));
        }
    }

    /// <summary>The generated training step and its optimizer; made on first use.</summary>
    public TrainingStep Step => step ??= model.CreateTrainingStep(Settings());

    private int BatchSize => options.BatchSize ?? settings.BatchSize;

    private int Epochs => options.Epochs ?? settings.Epochs;

    private Device Device => model.parameters().FirstOrDefault()?.device ?? CPU;

    /// <summary>Trains for the set number of epochs. A second call starts the schedule again and keeps the optimizer's state.</summary>
    /// <param name="train">Training samples.</param>
    /// <param name="validation">Samples measured after every epoch; null for none.</param>
    /// <param name="cancellation">Stops between two steps; the model keeps what it has learned so far.</param>
    /// <returns>Losses and metrics of the epochs.</returns>
    /// <exception cref="ArgumentException">A data set is empty or does not fit the model.</exception>
    /// <exception cref="ArithmeticException">The loss became NaN or infinite.</exception>
    /// <exception cref="OperationCanceledException">Cancellation was requested.</exception>
    public FitResult Fit(Dataset train, Dataset? validation = null, CancellationToken cancellation = default)
    {
        DatasetCheck.Check(train, settings.Loss, "training");
        if (validation is not null)
        {
            DatasetCheck.Check(validation, settings.Loss, "validation");
        }

        bool wasTraining = model.training;
        var epochs = new List<EpochResult>();
        using IProgressDisplay display = ProgressDisplay.Create(options.Progress, Epochs);
        using var batches = new BatchAssembler(train, Math.Min(BatchSize, train.Count), Device);
        random.manual_seed(options.Seed);
        if (settings.Precision == Precision.BFloat16 && Device.type == DeviceType.CPU && !Hardware.MultipliesBFloat16)
        {
            display.Note("Precision.BFloat16: this processor has no bfloat16 products (AVX512_BF16), so they run on ordinary instructions; the results are those of bfloat16, the speed is that of float32.");
        }

        int size = Math.Min(BatchSize, train.Count);
        using Tensor total = zeros([], ScalarType.Float64, Device).DetachFromDisposeScope();
        TrainerContext? running = null;
        var context = new TrainerContext(model, settings, options, Step, display.Note, () => total.ToDouble() / running!.SamplesInEpoch)
        {
            Epochs = Epochs,
            StepsPerEpoch = options.DropLast ? train.Count / size : (train.Count + size - 1) / size,
        };
        running = context;
        context.TotalSteps = (long)Epochs * context.StepsPerEpoch;
        try
        {
            Call(callback => callback.OnFitStart(context));
            for (int epoch = 1; epoch <= Epochs && context.StopReason is null; epoch++)
            {
                EpochResult result = RunEpoch(epoch, train, batches, display, context, total, cancellation);
                if (validation is not null)
                {
                    context.Validation = Evaluate(validation);
                    result = result with { Validation = context.Validation };
                    Call(callback => callback.OnValidationEnd(context));
                }

                epochs.Add(result);
                context.LastEpoch = result;
                display.Epoch(result);
                options.OnEpoch?.Invoke(result);
                Call(callback => callback.OnEpochEnd(context));
            }

            context.Result = new FitResult(epochs, context.Elapsed) { StopReason = context.StopReason };
            Call(callback => callback.OnFitEnd(context));
            return context.Result;
        }
        catch (Exception exception)
        {
            Call(callback => callback.OnException(context, exception));
            throw;
        }
        finally
        {
            model.train(wasTraining);
        }
    }

    /// <summary>Measures the model on a data set, with fused inference.</summary>
    /// <param name="data">The samples.</param>
    /// <returns>Loss and metric.</returns>
    public EvaluationResult Evaluate(Dataset data)
    {
        DatasetCheck.Check(data, settings.Loss, "evaluation");
        bool wasTraining = model.training;
        using IDisposable guard = no_grad();
        using var metrics = new Metrics(settings);
        using var batches = new BatchAssembler(data, Math.Min(Math.Max(BatchSize, 256), data.Count), Device);
        try
        {
            model.eval();
            int[] order = [.. Enumerable.Range(0, data.Count)];
            foreach (int[] samples in order.Chunk(Math.Min(Math.Max(BatchSize, 256), data.Count)))
            {
                using Batch batch = batches.Assemble(samples);
                using Tensor prediction = model.InferBatch(batch.Inputs);
                metrics.Add(prediction, batch.Target, batch.Count);
            }
        }
        finally
        {
            model.train(wasTraining);
        }

        return metrics.Result();
    }

    /// <summary>Frees gradients and optimizer state; the model stays as trained.</summary>
    public void Dispose() => step?.Dispose();

    private void Call(Action<TrainerCallback> hook)
    {
        foreach (TrainerCallback callback in options.Callbacks.Prepend(history))
        {
            hook(callback);
        }
    }

    private EpochResult RunEpoch(int epoch, Dataset train, BatchAssembler batches, IProgressDisplay display, TrainerContext context, Tensor total, CancellationToken cancellation)
    {
        model.train();
        int[] order = options.Shuffle ? Shuffler.Permutation(train.Count, options.Seed, epoch) : [.. Enumerable.Range(0, train.Count)];
        int size = Math.Min(BatchSize, train.Count);
        int perEpoch = context.StepsPerEpoch;
        context.Epoch = epoch;
        context.SamplesInEpoch = 0;
        context.StepsInEpoch = 0;
        total.zero_().DisposeAliasOf(total);
        Call(callback => callback.OnEpochStart(context));
        var clock = Stopwatch.StartNew();
        TimeSpan loading = TimeSpan.Zero;
        for (int i = 0; i < perEpoch && context.StopReason is null; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            Step.Optimizer.LearningRate = LearningRates.At(options.Schedule ?? settings.Schedule, options.LearningRate ?? settings.LearningRate, context.Steps, context.TotalSteps);
            int[] chosen = order[(i * size)..Math.Min((i + 1) * size, order.Length)];
            TimeSpan before = clock.Elapsed;
            using Batch batch = batches.Assemble(chosen);
            loading += clock.Elapsed - before;
            Step.Run(batch.Inputs, batch.Target);
            using Tensor wide = Step.Loss.to_type(ScalarType.Float64);
            using Tensor weighted = TensorOps.Multiply(wide, batch.Count);
            total.add_(weighted).DisposeAliasOf(total);
            context.Steps++;
            context.StepsInEpoch = i + 1;
            context.StepSamples = batch.Count;
            context.SamplesInEpoch += batch.Count;
            context.Samples += batch.Count;
            context.SamplesPerSecond = context.SamplesInEpoch / clock.Elapsed.TotalSeconds;
            context.DataShare = loading / clock.Elapsed;
            if (i % NanCheckInterval == NanCheckInterval - 1 || i == perEpoch - 1)
            {
                CheckFinite(total.ToDouble(), epoch, i);
            }

            display.Step(context);
            Call(callback => callback.OnStepEnd(context));
        }

        return new EpochResult(epoch, total.ToDouble() / context.SamplesInEpoch, null, clock.Elapsed, context.SamplesInEpoch / clock.Elapsed.TotalSeconds, Step.Optimizer.LearningRate);
    }

    private void CheckFinite(double total, int epoch, int step)
    {
        if (!double.IsFinite(total))
        {
            throw new ArithmeticException(
                $"The loss became {total} in epoch {epoch}, at step {step + 1} or up to {NanCheckInterval - 1} steps before. "
                + $"Lower the learning rate (now {Step.Optimizer.LearningRate:G3}), and check the inputs for NaN and the targets for values out of range.");
        }
    }

    private OptimizerSettings Settings()
    {
        OptimizerSettings attribute = OptimizerSettings.From(settings);
        return attribute with
        {
            LearningRate = options.LearningRate ?? attribute.LearningRate,
            WeightDecay = options.WeightDecay ?? attribute.WeightDecay,
            Momentum = options.Momentum ?? attribute.Momentum,
            ClipNorm = options.ClipNorm ?? attribute.ClipNorm,
            ClipValue = options.ClipValue ?? attribute.ClipValue,
        };
    }
}
