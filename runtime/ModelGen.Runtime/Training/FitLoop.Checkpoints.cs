using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <content>Writing checkpoints and going on from one.</content>
internal sealed partial class FitLoop
{
    /// <summary>What the names of averaged parameters start with in a checkpoint.</summary>
    public const string AveragePrefix = "@average.";

    private const string OptimizerPrefix = "@optimizer.";

    private CheckpointFolder? Folder => options.Checkpoints is null || options.FastDevRun ? null : new CheckpointFolder(options.Checkpoints);

    private void Save()
    {
        if (Folder is not { } folder)
        {
            return;
        }

        using DisposeScope scope = NewDisposeScope();
        var tensors = Checkpoint.Tensors(model).ToList();
        foreach ((string name, FlatBuffer buffer) in step.Optimizer.State)
        {
            tensors.AddRange(buffer.Slices.Select((slice, index) => ($"{OptimizerPrefix}{name}.{slice.Name}", buffer[index])));
        }

        if (averages is not null)
        {
            tensors.AddRange(averages.Buffer.Slices.Select((slice, index) => (AveragePrefix + slice.Name, averages.Buffer[index])));
        }

        tensors.Add((CheckpointFile.RandomState, random.get_rng_state()));
        (long optimizerSteps, double scalar, LbfgsCounters? search) = step.Optimizer.Counters;
        var state = new FitState
        {
            Settings = Fingerprint(),
            Epoch = context.Epoch,
            Batch = batch,
            Pass = batches.Position.Pass,
            PassBatch = batches.Position.Batch,
            Steps = context.Steps,
            StepsInEpoch = context.StepsInEpoch,
            Samples = context.Samples,
            SamplesInEpoch = context.SamplesInEpoch,
            LossSum = loss.Value,
            EpochTime = earlierTime + epochClock.Elapsed,
            Skipped = context.SkippedBatches,
            SkippedSamples = context.SkippedSamples,
            RunCount = step.RunCount,
            RandomKey = step.RandomKey,
            OptimizerSteps = optimizerSteps,
            OptimizerScalar = scalar,
            OptimizerSearch = search,
            LearningRate = step.Optimizer.LearningRate,
            Scheduler = scheduler.SaveState(),
            Averaged = averages?.Count ?? 0,
            BestValue = bestValue,
            WithoutBetter = withoutBetter,
            Epochs = epochs,
            Validation = context.Validation,
            Monitor = monitor.Name,
            Mode = monitor.Mode,
            Monitored = monitored is { } seen && seen.Step == context.Steps ? seen.Value : null,
        };
        string path = folder.PathOf(context.Steps);
        CheckpointFile.Write(path, tensors, state);
        folder.Prune(monitor.Mode, monitor.Name);
        context.CheckpointPath = path;
        Call(callback => callback.OnCheckpointSaved(context, path));
    }

    private void Restore(CheckpointFolder folder)
    {
        IReadOnlyList<string> files = folder.Files;
        foreach (string path in files)
        {
            bool whole = false;
            try
            {
                CheckpointFile.Read(path, (state, tensors) =>
                {
                    whole = true;
                    Apply(path, state, tensors);
                });
                context.Note($"going on from {path}: epoch {context.Epoch}, {context.Steps} updates");
                return;
            }
            catch (CheckpointException exception) when (!whole)
            {
                context.Note($"{exception.Message} The checkpoint before it is used.");
            }
        }

        if (files.Count > 0)
        {
            throw new CheckpointException($"None of the {files.Count} checkpoints in {options.Checkpoints!.Directory} is whole. Choose another folder to start anew.");
        }
    }

    private void Apply(string path, FitState state, IReadOnlyDictionary<string, Tensor> tensors)
    {
        Dictionary<string, string> own = Fingerprint();
        string[] differences = [.. own.Where(pair => state.Settings.GetValueOrDefault(pair.Key) != pair.Value).Select(pair => $"{pair.Key} was {state.Settings.GetValueOrDefault(pair.Key, "not there")} and is {pair.Value}")];
        if (differences.Length > 0)
        {
            throw new CheckpointException(
                $"The fit cannot go on from {path} as if it had not been interrupted: {string.Join("; ", differences)}. Use the same settings, or load the weights alone (Checkpoint.Load) and start a fit in another folder.");
        }

        step.Optimizer.Counters = (state.OptimizerSteps, state.OptimizerScalar, state.OptimizerSearch);
        var buffers = step.Optimizer.State.Select(static pair => (Prefix: $"{OptimizerPrefix}{pair.Name}.", pair.Buffer)).ToList();
        if (averages is not null)
        {
            buffers.Add((AveragePrefix, averages.Buffer));
        }

        foreach ((string prefix, FlatBuffer buffer) in buffers)
        {
            if (buffer.Slices.FirstOrDefault(slice => !tensors.TryGetValue(prefix + slice.Name, out Tensor? saved) || !saved.shape.SequenceEqual(slice.Shape)) is { } missing)
            {
                throw new CheckpointException($"{path} is of another model: it has no '{prefix}{missing.Name}' of its shape.");
            }
        }

        Checkpoint.Load(path, model, tensors);
        using (no_grad())
        {
            foreach ((string prefix, FlatBuffer buffer) in buffers)
            {
                for (int i = 0; i < buffer.Slices.Count; i++)
                {
                    buffer[i].copy_(tensors[prefix + buffer.Slices[i].Name]).DisposeAliasOf(buffer[i]);
                }
            }
        }

        random.set_rng_state(tensors[CheckpointFile.RandomState]);
        scheduler.LoadState(state.Scheduler);
        step.Optimizer.LearningRate = state.LearningRate;
        step.RunCount = state.RunCount;
        step.RandomKey = state.RandomKey;
        if (averages is not null)
        {
            averages.Count = state.Averaged;
        }

        context.Epoch = state.Epoch;
        context.Steps = state.Steps;
        context.StepsInEpoch = state.StepsInEpoch;
        context.Samples = state.Samples;
        context.SamplesInEpoch = state.SamplesInEpoch;
        context.SkippedBatches = state.Skipped;
        context.SkippedSamples = state.SkippedSamples;
        context.Validation = state.Validation;
        context.CheckpointPath = path;
        batch = state.Batch;
        resumeAt = (state.Pass, state.PassBatch);
        loss.Value = state.LossSum;
        earlierTime = state.EpochTime;
        bestValue = state.BestValue;
        withoutBetter = state.WithoutBetter;
        monitored = state.Monitored is double value ? (state.Steps, value) : null;
        epochs.AddRange(state.Epochs);
    }

    /// <summary>What decides the sequence of updates. The number of epochs is not among it: a fit may be made longer.</summary>
    private Dictionary<string, string> Fingerprint() => new(Special(), StringComparer.Ordinal)
    {
        ["model"] = model.GetType().Name,
        ["optimizer"] = step.Optimizer.Settings.Kind.ToString(),
        ["training samples"] = batches.Samples is int samples ? Text(samples) : "a stream",
        ["batches of an epoch"] = batches.PerEpoch is int count ? Text(count) : "all of the stream",
        ["batch size"] = Text(batches.Size),
        ["AccumulateSteps"] = Text(options.AccumulateSteps),
        ["Seed"] = Text(options.Seed),
        ["Shuffle"] = options.Shuffle.ToString(),
        ["averaging"] = options.Averaging?.Name ?? "none",
        ["scheduler"] = scheduler.GetType().Name,
    };

    private IEnumerable<KeyValuePair<string, string>> Special()
    {
        if (model is ICompiledModel { Quantization.IsCalibrated: true })
        {
            yield return new("QuantizationAware", settings.QuantizationAware.ToString());
        }

        if (step.Optimizer.Settings is { Kind: ModelGen.Optimizer.LBFGS } search)
        {
            yield return new("HistorySize", Text(search.HistorySize));
        }
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
