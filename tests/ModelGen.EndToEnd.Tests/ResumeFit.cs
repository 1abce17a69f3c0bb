using ModelGen.Data;
using ModelGen.EndToEnd.Tests.Models;
using static TorchSharp.torch;

namespace ModelGen.EndToEnd.Tests;

/// <summary>A fit that can be interrupted, and what it must end with.</summary>
internal static class ResumeFit
{
    /// <summary>Epochs of the fit in a process of its own, of four steps each.</summary>
    public const int ProcessEpochs = 12;

    public static TensorDataset Train { get; } = Samples(52, 1);

    public static TensorDataset Validation { get; } = Samples(20, 2);

    /// <summary>Weights, running statistics and results of a fit of a new model that starts anywhere: what counts comes from the checkpoints and the seed of the start.</summary>
    public static (byte[][] Weights, FitResult Result) Run(TrainerOptions options, long start, CancellationToken cancellation = default, bool stream = false, Dataset? train = null)
    {
        random.manual_seed(start);
        using var model = new ResumeNet();
        using Trainer<ResumeNet> trainer = model.CreateTrainer(options with { Progress = TrainingProgress.None });
        FitResult result = stream ? trainer.Fit(new RecordStream(Train), Validation, cancellation) : trainer.Fit(train ?? Train, Validation, cancellation);
        return ([.. model.state_dict().OrderBy(static pair => pair.Key, StringComparer.Ordinal).Select(static pair => pair.Value.bytes.ToArray())], result);
    }

    /// <summary>The options of the fit that is killed.</summary>
    public static TrainerOptions Options(string folder) => new()
    {
        Epochs = 6,
        AccumulateSteps = 2,
        Averaging = new ExponentialAveraging(0.9),
        Checkpoints = new CheckpointOptions(folder) { EverySteps = 1 },
    };

    /// <summary>The fit in a process of its own: slow enough to be killed at any point.</summary>
    public static void InProcess(string folder) => Run(Options(folder) with { Epochs = ProcessEpochs, Callbacks = [new Slow()] }, start: 7);

    private static TensorDataset Samples(int count, int seed)
    {
        var source = new Random(seed);
        return TensorDataset.FromArrays([.. Enumerable.Range(0, count * 36).Select(_ => (float)source.NextDouble() - 0.5f)], [1, 6, 6], [.. Enumerable.Range(0, count).Select(_ => (long)source.Next(3))]);
    }

    /// <summary>A data set from front to back: the numbers of its samples are the records.</summary>
    public sealed class RecordStream(Dataset data, Func<int, int>? length = null) : StreamingDataset<int>
    {
        public override IReadOnlyList<FieldSpec> Inputs => data.Inputs;

        public override FieldSpec Target => data.Target;

        public override IEnumerable<int> Records(int epoch) => Enumerable.Range(0, length?.Invoke(epoch) ?? data.Count);

        public override void Read(int record, Sample sample) => data.Read(record, sample);
    }

    private sealed class Slow : TrainerCallback
    {
        public override void OnStepEnd(TrainerContext context) => Thread.Sleep(20);
    }
}
