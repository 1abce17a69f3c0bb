using System.Globalization;
using System.Text;
using ModelGen.Monitoring;

namespace ModelGen;

/// <summary>The lines of progress displays.</summary>
/// <param name="epochs">Epochs of the fit.</param>
internal sealed class ProgressText(int epochs)
{
    private long? before;

    /// <summary>Notes the first step of this fit: one that goes on from a checkpoint did not take the steps before it. Called at every step.</summary>
    public void Observe(TrainerContext context) => before ??= context.Steps - 1;

    /// <summary>Where a fit stands: <c>epoch 2/10 [####....] 120/450   loss 0.1234   lr 0.00100   812 samples/s   420 MiB   01:23 left</c>.</summary>
    /// <param name="context">The fit.</param>
    /// <param name="barWidth">Characters of the bar; 0 for none.</param>
    public string Step(TrainerContext context, int barWidth)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"epoch {context.Epoch}/{epochs}");
        if (barWidth > 0 && context.StepsPerEpoch is int whole)
        {
            int filled = (int)((long)context.StepsInEpoch * barWidth / whole);
            text.Append(" [").Append('#', filled).Append('.', barWidth - filled).Append(']');
        }

        text.Append(CultureInfo.InvariantCulture, $" {context.StepsInEpoch}");
        if (context.StepsPerEpoch is int steps)
        {
            text.Append(CultureInfo.InvariantCulture, $"/{steps}");
        }

        text.Append(CultureInfo.InvariantCulture, $"   loss {context.ReadMeanLoss():0.0000}   lr {context.LearningRate:0.0e+0}");
        text.Append(CultureInfo.InvariantCulture, $"   {context.SamplesPerSecond:0} samples/s   {MemorySample.Take().ResidentBytes / MemorySample.Mebibyte:0} MiB");
        if (Left(context) is { } left)
        {
            text.Append(CultureInfo.InvariantCulture, $"   {Remaining(left)} left");
        }

        return text.ToString();
    }

    /// <summary>What an epoch gave.</summary>
    public string Epoch(EpochResult result)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"epoch {result.Epoch}/{epochs}   loss {result.TrainLoss:0.0000}");
        if (result.Validation is { } validation)
        {
            text.Append(CultureInfo.InvariantCulture, $"   validation loss {validation.Loss:0.0000}");
            if (validation.Accuracy is double accuracy)
            {
                text.Append(CultureInfo.InvariantCulture, $"   accuracy {accuracy:0.00%}");
            }

            if (validation.MeanAbsoluteError is double error)
            {
                text.Append(CultureInfo.InvariantCulture, $"   mean absolute error {error:0.0000}");
            }
        }

        return text.Append(CultureInfo.InvariantCulture, $"   {result.SamplesPerSecond:0} samples/s   {result.Duration.TotalSeconds:0.0} s").ToString();
    }

    /// <summary>A duration: <c>00:42</c>, <c>1:02:03</c>, <c>2 d 03:04</c>.</summary>
    public static string Remaining(TimeSpan time) =>
        time.TotalDays >= 1 ? time.ToString(@"d\ \d\ hh\:mm", CultureInfo.InvariantCulture)
        : time.TotalHours >= 1 ? time.ToString(@"h\:mm\:ss", CultureInfo.InvariantCulture)
        : time.ToString(@"mm\:ss", CultureInfo.InvariantCulture);

    /// <summary>The time of the steps that are left at the speed of this fit so far, validations included; null where their number is not known.</summary>
    public TimeSpan? Left(TrainerContext context) =>
        context.TotalSteps is long total ? context.Elapsed * ((double)Math.Max(total - context.Steps, 0) / (context.Steps - (before ?? 0))) : null;
}
