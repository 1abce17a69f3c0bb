using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace ModelGen;

/// <summary>What a <see cref="TrainerCallback"/> sees of a fit while it runs. The numbers are those of the moment of the call; nothing is computed or read back unless asked for.</summary>
public sealed class TrainerContext
{
    private const int KeptNotes = 100;

    private readonly List<string> notes = [];
    private readonly Action<string> note;
    private readonly Func<double> meanLoss;

    internal TrainerContext(nn.Module model, TrainAttribute settings, TrainerOptions options, TrainingStep step, Action<string> note, Func<double> meanLoss)
    {
        Model = model;
        Settings = settings;
        Options = options;
        Step = step;
        this.note = note;
        this.meanLoss = meanLoss;
    }

    /// <summary>The model; its parameters are those of the moment.</summary>
    public nn.Module Model { get; }

    /// <summary>The class's <see cref="TrainAttribute"/>.</summary>
    public TrainAttribute Settings { get; }

    /// <summary>Options of the trainer.</summary>
    public TrainerOptions Options { get; }

    /// <summary>The generated step with parameters, gradients and optimizer.</summary>
    public TrainingStep Step { get; }

    /// <summary>Epoch that runs or ran last, from 1; 0 before the first.</summary>
    public int Epoch { get; internal set; }

    /// <summary>Epochs that the fit may take.</summary>
    public int Epochs { get; internal set; }

    /// <summary>Updates of the parameters in this fit, those before a checkpoint it goes on from included.</summary>
    public long Steps { get; internal set; }

    /// <summary>Updates that the whole fit takes unless something stops it earlier; null where the length of a stream decides.</summary>
    public long? TotalSteps { get; internal set; }

    /// <summary>Updates of this epoch.</summary>
    public int StepsInEpoch { get; internal set; }

    /// <summary>Updates that the whole epoch takes; null where the length of a stream decides.</summary>
    public int? StepsPerEpoch { get; internal set; }

    /// <summary>Samples of the last step.</summary>
    public int StepSamples { get; internal set; }

    /// <summary>Samples of this epoch so far.</summary>
    public long SamplesInEpoch { get; internal set; }

    /// <summary>Samples of this fit so far.</summary>
    public long Samples { get; internal set; }

    /// <summary>Training samples per second of this epoch so far; NaN before the first step.</summary>
    public double SamplesPerSecond { get; internal set; } = double.NaN;

    /// <summary>Share of this epoch's training time spent waiting for data, from 0 to 1; NaN before the first step.</summary>
    public double DataShare { get; internal set; } = double.NaN;

    /// <summary>Batches that <see cref="NonFiniteGuard.Skip"/> left out.</summary>
    public long SkippedBatches { get; internal set; }

    /// <summary>Readings of samples that failed and were left out (<see cref="Data.SampleErrors.Skip"/>), in training and validation; a sample counts in each epoch anew.</summary>
    public long SkippedSamples { get; internal set; }

    /// <summary>Time since the start of this call of <c>Fit</c>.</summary>
    public TimeSpan Elapsed => Clock.Elapsed;

    /// <summary>Learning rate of the last step.</summary>
    public double LearningRate => Step.Optimizer.LearningRate;

    /// <summary>L2 norm of all gradients of the last step before clipping; NaN where it is not computed (see <see cref="FlatOptimizer.GradientNorm"/>).</summary>
    public double GradientNorm => Step.Optimizer.GradientNorm;

    /// <summary>Loss of the last step, a tensor without dimensions on the model's device; the step owns and overwrites it.</summary>
    public Tensor Loss => Step.Loss;

    /// <summary>Result of the last validation; null before the first.</summary>
    public EvaluationResult? Validation { get; internal set; }

    /// <summary>Result of the last whole epoch; null before the first has ended.</summary>
    public EpochResult? LastEpoch { get; internal set; }

    /// <summary>Result of the fit; null before its end.</summary>
    public FitResult? Result { get; internal set; }

    /// <summary>Last checkpoint that was saved or loaded; null for none.</summary>
    public string? CheckpointPath { get; internal set; }

    /// <summary>Why the fit is to stop; null while it is to go on.</summary>
    public string? StopReason { get; private set; }

    internal Stopwatch Clock { get; } = Stopwatch.StartNew();

    /// <summary>Reads the loss of the last step back; waits for the device.</summary>
    /// <returns>The loss.</returns>
    public double ReadLoss() => Step.Loss.ToDouble();

    /// <summary>Reads back the mean loss over the samples of this epoch so far; waits for the device.</summary>
    /// <returns>The mean; NaN before the first step.</returns>
    public double ReadMeanLoss() => meanLoss();

    /// <summary>Computes the L2 norm of the gradients as the last step left them and reads it back; waits for the device.</summary>
    /// <returns>The norm.</returns>
    public double ReadGradientNorm() => Step.Optimizer.MeasureNorm();

    /// <summary>Lets the fit end after this step, as if it were its last: with validation and checkpoint.</summary>
    /// <param name="reason">Why, for the log and <see cref="FitResult.StopReason"/>. The first reason stays.</param>
    public void RequestStop(string reason) => StopReason ??= reason;

    /// <summary>The first hundred notes of this fit: what the trainer did that is not in its numbers, such as using an older checkpoint because the last one is damaged.</summary>
    public IReadOnlyList<string> Notes => notes;

    /// <summary>Says something in the trainer's progress display, on a line of its own, and keeps it in <see cref="Notes"/>.</summary>
    /// <param name="text">What to say.</param>
    public void Note(string text)
    {
        if (notes.Count < KeptNotes)
        {
            notes.Add(text);
        }

        note(text);
    }
}
