using static TorchSharp.torch;

namespace ModelGen.Monitoring;

/// <summary>
/// Writes a fit to an event file: loss, learning rate, speed and memory every few steps, results of epochs, histograms of parameters and gradients after each epoch, the graph and
/// the hyper-parameters at the start.
/// </summary>
/// <param name="folder">The run's folder.</param>
public sealed class TensorBoardLogger(string folder) : TrainerCallback
{
    private TensorBoardWriter? writer;

    /// <summary>Steps from one entry to the next; default 10. Each reads the loss back.</summary>
    public int Interval { get; init; } = 10;

    /// <summary>Whether parameters and gradients are written as histograms after each epoch; default true.</summary>
    public bool Histograms { get; init; } = true;

    /// <summary>The folder of the run.</summary>
    public string Folder { get; } = folder;

    /// <summary>The writer while a fit runs, to add entries of your own; null before and after.</summary>
    public TensorBoardWriter? Writer => writer;

    /// <inheritdoc/>
    public override void OnFitStart(TrainerContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        writer?.Dispose();
        writer = new TensorBoardWriter(Folder);
        if (context.Model is ICompiledModel compiled)
        {
            writer.AddGraph(compiled.Summary);
            writer.AddText("model", "```\n" + compiled.Summary + "```", 0);
        }

        writer.AddHyperparameters(Hyperparameters.Of(context), ["epoch/loss", "epoch/validation_loss", "epoch/accuracy"]);
    }

    /// <inheritdoc/>
    public override void OnStepEnd(TrainerContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.Steps % Interval != 0 && context.Steps != 1)
        {
            return;
        }

        TensorBoardWriter open = Open();
        open.AddScalar("train/loss", context.ReadLoss(), context.Steps);
        open.AddScalar("train/learning_rate", context.LearningRate, context.Steps);
        open.AddScalar("speed/samples_per_second", context.SamplesPerSecond, context.Steps);
        open.AddScalar("speed/data_share", context.DataShare, context.Steps);
        if (!double.IsNaN(context.GradientNorm))
        {
            open.AddScalar("train/gradient_norm", context.GradientNorm, context.Steps);
        }

        MemorySample memory = MemorySample.Take();
        open.AddScalar("memory/resident_MiB", memory.ResidentBytes / MemorySample.Mebibyte, context.Steps);
        open.AddScalar("memory/managed_MiB", memory.ManagedBytes / MemorySample.Mebibyte, context.Steps);
    }

    /// <inheritdoc/>
    public override void OnEpochEnd(TrainerContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        TensorBoardWriter open = Open();
        EpochResult epoch = context.LastEpoch!;
        open.AddScalar("epoch/loss", epoch.TrainLoss, epoch.Epoch);
        open.AddScalar("epoch/samples_per_second", epoch.SamplesPerSecond, epoch.Epoch);
        AddIfKnown("epoch/validation_loss", epoch.Validation?.Loss, epoch.Epoch);
        AddIfKnown("epoch/accuracy", epoch.Validation?.Accuracy, epoch.Epoch);
        AddIfKnown("epoch/mean_absolute_error", epoch.Validation?.MeanAbsoluteError, epoch.Epoch);
        if (Histograms)
        {
            AddHistograms("parameters/", context.Step.Parameters, epoch.Epoch);
            AddHistograms("gradients/", context.Step.Gradients, epoch.Epoch);
        }

        open.Flush();
    }

    /// <inheritdoc/>
    public override void OnException(TrainerContext context, Exception exception) => Close(succeeded: false);

    /// <inheritdoc/>
    public override void OnFitEnd(TrainerContext context) => Close(succeeded: true);

    private TensorBoardWriter Open() => writer ?? throw new InvalidOperationException("No fit runs: the event file is open from its start to its end.");

    private void AddIfKnown(string tag, double? value, long step)
    {
        if (value is double known)
        {
            Open().AddScalar(tag, known, step);
        }
    }

    private void AddHistograms(string prefix, FlatBuffer buffer, long step)
    {
        for (int i = 0; i < buffer.Slices.Count; i++)
        {
            using Tensor host = buffer[i].detach().to(ScalarType.Float32, CPU);
            float[] values = host.data<float>().ToArray();
            if (Array.Exists(values, float.IsFinite))
            {
                Open().AddHistogram(prefix + buffer.Slices[i].Name.Replace('.', '/'), values, step);
            }
        }
    }

    private void Close(bool succeeded)
    {
        writer?.EndRun(succeeded);
        writer?.Dispose();
        writer = null;
    }
}
