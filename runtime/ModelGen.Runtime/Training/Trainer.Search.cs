using System.Reflection;
using ModelGen.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <content>Searches for settings.</content>
public sealed partial class Trainer<TModel>
{
    /// <summary>
    /// Trains for some steps with a learning rate that grows from step to step (Smith, arXiv:1506.01186) and puts weights, running statistics and random numbers back afterwards.
    /// </summary>
    /// <param name="train">Training samples.</param>
    /// <param name="lowest">First learning rate; default 1e-7.</param>
    /// <param name="highest">Last learning rate; default 1.</param>
    /// <param name="steps">Steps at most; default 100. The search ends earlier when the loss is four times the best one, or not finite.</param>
    /// <param name="cancellation">Ends the search; everything is put back then too.</param>
    /// <returns>Losses by learning rate and a suggestion.</returns>
    /// <exception cref="ArgumentException">The data set is empty or does not fit the model, or the bounds are not 0 &lt; lowest &lt; highest.</exception>
    /// <exception cref="InvalidOperationException">This trainer has trained already.</exception>
    /// <exception cref="OperationCanceledException">Cancellation was requested.</exception>
    public LearningRateSearch FindLearningRate(Dataset train, double lowest = 1e-7, double highest = 1, int steps = 100, CancellationToken cancellation = default)
    {
        DatasetCheck.Check(train, settings.Loss, "training");
        return FindLearningRate(() => new BatchSource(train, options, BatchSize, Device), lowest, highest, steps, cancellation);
    }

    /// <summary>As above, on a stream: on its passes 1, 2, ... as <c>Fit</c> reads them.</summary>
    /// <param name="train">Training samples.</param>
    /// <param name="lowest">First learning rate; default 1e-7.</param>
    /// <param name="highest">Last learning rate; default 1.</param>
    /// <param name="steps">Steps at most; default 100.</param>
    /// <param name="cancellation">Ends the search; everything is put back then too.</param>
    /// <returns>Losses by learning rate and a suggestion.</returns>
    /// <exception cref="ArgumentException">The data set does not fit the model, or the bounds are not 0 &lt; lowest &lt; highest.</exception>
    /// <exception cref="DataLoadException">The stream is empty, or a sample cannot be read.</exception>
    /// <exception cref="InvalidOperationException">This trainer has trained already.</exception>
    /// <exception cref="OperationCanceledException">Cancellation was requested.</exception>
    public LearningRateSearch FindLearningRate(StreamingDataset train, double lowest = 1e-7, double highest = 1, int steps = 100, CancellationToken cancellation = default)
    {
        DatasetCheck.CheckTarget(train.Target, settings.Loss, "training");
        return FindLearningRate(() => new BatchSource(train, options, BatchSize, Device), lowest, highest, steps, cancellation);
    }

    /// <summary>
    /// The largest batch whose planned memory fits: from the figures that the compiler computed, without trying. Buffers for sums of gradients and for averages, which the options ask for, count.
    /// </summary>
    /// <param name="budget">Bytes that a training step may take; null for three quarters of the memory that this process may use.</param>
    /// <returns>Samples per batch, at least 1.</returns>
    /// <exception cref="InvalidOperationException">Not even one sample fits, or the class has fewer than two planned batch sizes.</exception>
    public int FindBatchSize(long? budget = null)
    {
        long bytes = budget ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4 * 3;
        var summary = (ModelSummary?)typeof(TModel).GetProperty("Summary", BindingFlags.Public | BindingFlags.Static)?.GetValue(null)
            ?? throw new InvalidOperationException($"{typeof(TModel).Name} has no generated Summary.");
        int buffers = (options.AccumulateSteps > 1 ? 1 : 0) + (options.Averaging is null ? 0 : 1);
        return summary.LargestTrainingBatch(bytes - (buffers * summary.ParameterBytes));
    }

    private LearningRateSearch FindLearningRate(Func<BatchSource> source, double lowest, double highest, int steps, CancellationToken cancellation)
    {
        const double Smoothing = 0.9;
        if (!(lowest > 0 && highest > lowest) || steps < 3)
        {
            throw new ArgumentException($"The search needs 0 < lowest < highest and at least 3 steps, got {lowest}, {highest} and {steps}.");
        }

        if (step is { Optimizer.StepCount: > 0 })
        {
            throw new InvalidOperationException("Search for a learning rate before training, or with another trainer: the search would lose the optimizer's state.");
        }

        bool wasTraining = model.training;
        using DisposeScope scope = NewDisposeScope();
        (Tensor Live, Tensor Copy)[] before = [.. Checkpoint.Tensors(model).Select(static pair => (pair.Tensor, pair.Tensor.detach().clone()))];
        using Tensor generator = random.get_rng_state();
        random.manual_seed(options.Seed);

        // A step of its own, so that the optimizer of Step starts fresh.
        using TrainingStep own = model.CreateTrainingStep(Settings());
        using BatchSource batches = source();
        var points = new List<(double LearningRate, double Loss)>();
        try
        {
            model.train();
            double mean = 0;
            double best = double.PositiveInfinity;
            for (int i = 0, epoch = 1; i < steps; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                if (i == 0 || batches.EndsEpoch)
                {
                    batches.BeginEpoch(epoch++, 0, int.MaxValue);
                }

                Batch batch = batches.Next(cancellation);
                double rate = lowest * Math.Pow(highest / lowest, (double)i / (steps - 1));
                own.Optimizer.LearningRate = rate;
                own.Run(batch.Inputs, batch.Target);
                double loss = own.Loss.ToDouble();
                mean = (Smoothing * mean) + ((1 - Smoothing) * loss);
                double smooth = mean / (1 - Math.Pow(Smoothing, i + 1));
                if (own.WasRefused || !double.IsFinite(smooth) || smooth > 4 * best)
                {
                    break;
                }

                best = Math.Min(best, smooth);
                points.Add((rate, smooth));
            }
        }
        finally
        {
            using IDisposable guard = no_grad();
            foreach ((Tensor live, Tensor copy) in before)
            {
                live.copy_(copy).DisposeAliasOf(live);
            }

            random.set_rng_state(generator);
            model.train(wasTraining);
        }

        // The parameters belong to the buffer of the search, which goes now; a step made before is made anew when it is needed.
        step?.Dispose();
        step = null;
        return LearningRateSearch.From(points);
    }
}
