using System.Globalization;

namespace ModelGen.Monitoring;

/// <summary>
/// Writes a fit to a CSV file: a row every few steps, and one after each epoch with the columns of validation. Cells that do not apply are empty.
/// </summary>
/// <param name="path">The file; replaced at the start of a fit, continued when the fit goes on from a checkpoint.</param>
public sealed class CsvLogger(string path) : TrainerCallback
{
    private const string Header = "step,epoch,seconds,loss,learning_rate,samples_per_second,data_share,validation_loss,accuracy,mean_absolute_error";

    private StreamWriter? writer;

    /// <summary>Steps from one row to the next; default 10. Each reads the loss back.</summary>
    public int Interval { get; init; } = 10;

    /// <inheritdoc/>
    public override void OnFitStart(TrainerContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        writer?.Dispose();
        bool goesOn = context.Steps > 0 && File.Exists(path);
        writer = new StreamWriter(path, append: goesOn);
        if (!goesOn)
        {
            writer.WriteLine(Header);
        }
    }

    /// <inheritdoc/>
    public override void OnStepEnd(TrainerContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (context.Steps % Interval == 0)
        {
            Write(context, context.ReadLoss(), null);
        }
    }

    /// <inheritdoc/>
    public override void OnEpochEnd(TrainerContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        Write(context, context.LastEpoch!.TrainLoss, context.LastEpoch.Validation);
        writer!.Flush();
    }

    /// <inheritdoc/>
    public override void OnException(TrainerContext context, Exception exception) => Close();

    /// <inheritdoc/>
    public override void OnFitEnd(TrainerContext context) => Close();

    private void Write(TrainerContext context, double loss, EvaluationResult? validation)
    {
        double?[] numbers = [context.Elapsed.TotalSeconds, loss, context.LearningRate, context.SamplesPerSecond, context.DataShare, validation?.Loss, validation?.Accuracy, validation?.MeanAbsoluteError];
        IEnumerable<string> cells = numbers.Select(static number => number is double known ? known.ToString("G9", CultureInfo.InvariantCulture) : "");
        writer!.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{context.Steps},{context.Epoch},{string.Join(",", cells)}"));
    }

    private void Close()
    {
        writer?.Dispose();
        writer = null;
    }
}
