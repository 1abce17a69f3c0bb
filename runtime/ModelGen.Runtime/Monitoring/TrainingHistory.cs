using TorchSharp;

namespace ModelGen.Monitoring;

/// <summary>A step of a fit as the history keeps it.</summary>
/// <param name="Step">Number of the step, from 1.</param>
/// <param name="Loss">Its loss.</param>
/// <param name="LearningRate">Its learning rate.</param>
/// <param name="SamplesPerSecond">Speed of the epoch up to it.</param>
public sealed record HistoryStep(long Step, double Loss, double LearningRate, double SamplesPerSecond);

/// <summary>Memory at a time of a fit.</summary>
/// <param name="Elapsed">Time since the start of the fit.</param>
/// <param name="Memory">The memory.</param>
public sealed record HistoryMemory(TimeSpan Elapsed, MemorySample Memory);

/// <summary>
/// What a fit leaves for its report: at most 1,024 steps evenly over its length, its epochs, and the memory over time. On a GPU, where reading the loss waits for the device, only
/// every fiftieth step is looked at.
/// </summary>
public sealed class TrainingHistory : TrainerCallback
{
    private const int MostPoints = 1024;
    private const int GpuInterval = 50;

    private static readonly TimeSpan FirstInterval = TimeSpan.FromMilliseconds(100);

    private readonly List<HistoryStep> steps = [];
    private readonly List<HistoryMemory> memory = [];
    private readonly List<EpochResult> epochs = [];
    private long stride = 1;
    private TimeSpan interval = FirstInterval;

    /// <summary>Steps in order.</summary>
    public IReadOnlyList<HistoryStep> Steps => steps;

    /// <summary>Memory in order of time.</summary>
    public IReadOnlyList<HistoryMemory> Memory => memory;

    /// <summary>Epochs in order.</summary>
    public IReadOnlyList<EpochResult> Epochs => epochs;

    /// <summary>Settings of the fit by name; empty before the first.</summary>
    public IReadOnlyDictionary<string, object> Settings { get; private set; } = new Dictionary<string, object>();

    /// <inheritdoc/>
    public override void OnFitStart(TrainerContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        Settings = Hyperparameters.Of(context);
        steps.Clear();
        memory.Clear();
        epochs.Clear();
        interval = FirstInterval;
        stride = context.Loss.device_type == DeviceType.CPU ? 1 : GpuInterval;
        memory.Add(new HistoryMemory(context.Elapsed, MemorySample.Take()));
    }

    /// <inheritdoc/>
    public override void OnStepEnd(TrainerContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.Steps % stride == 0)
        {
            steps.Add(new HistoryStep(context.Steps, context.ReadLoss(), context.LearningRate, context.SamplesPerSecond));
            if (steps.Count == MostPoints)
            {
                stride *= 2;
                steps.RemoveAll(point => point.Step % stride != 0);
            }
        }

        TimeSpan elapsed = context.Elapsed;
        if (elapsed - memory[^1].Elapsed >= interval)
        {
            AddMemory(elapsed);
        }
    }

    /// <inheritdoc/>
    public override void OnEpochEnd(TrainerContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        epochs.Add(context.LastEpoch!);
        AddMemory(context.Elapsed);
    }

    private void AddMemory(TimeSpan elapsed)
    {
        memory.Add(new HistoryMemory(elapsed, MemorySample.Take()));
        if (memory.Count == MostPoints)
        {
            HistoryMemory[] kept = [.. memory.Where(static (_, index) => index % 2 == 0)];
            memory.Clear();
            memory.AddRange(kept);
            interval *= 2;
        }
    }
}
