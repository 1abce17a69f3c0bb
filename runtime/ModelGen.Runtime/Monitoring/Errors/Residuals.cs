namespace ModelGen.Monitoring;

/// <summary>Errors of a regression: prediction minus target.</summary>
public sealed class Residuals
{
    private const int Bins = 31;
    private const int MostPoints = 400;

    /// <summary>Computes the statistics, in float64.</summary>
    /// <param name="predictions">Predicted values.</param>
    /// <param name="targets">True values.</param>
    /// <exception cref="ArgumentException">The lists differ in length or are empty.</exception>
    public Residuals(IReadOnlyList<double> predictions, IReadOnlyList<double> targets)
    {
        ArgumentNullException.ThrowIfNull(predictions);
        ArgumentNullException.ThrowIfNull(targets);
        if (predictions.Count != targets.Count || targets.Count == 0)
        {
            throw new ArgumentException($"There are {predictions.Count} predictions and {targets.Count} targets; both must be as many, and not none.");
        }

        double[] errors = [.. predictions.Zip(targets, static (prediction, target) => prediction - target)];
        Count = errors.Length;
        Mean = errors.Average();
        MeanAbsolute = errors.Average(Math.Abs);
        RootMeanSquare = Math.Sqrt(errors.Average(static error => error * error));
        double center = targets.Average();
        double spread = targets.Sum(target => (target - center) * (target - center));
        Determination = 1 - (errors.Sum(static error => error * error) / spread);
        double[] sorted = [.. errors.Order()];
        Quantiles = [.. new[] { 0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0 }.Select(share => (share, Quantile(sorted, share)))];
        double width = (sorted[^1] - sorted[0]) / Bins;
        long[] counts = new long[Bins];
        foreach (double error in errors)
        {
            counts[width == 0 ? 0 : Math.Min((int)((error - sorted[0]) / width), Bins - 1)]++;
        }

        Histogram = [.. counts.Select((count, bin) => (sorted[0] + (bin * width), sorted[0] + ((bin + 1) * width), count))];
        int stride = Math.Max(1, (Count + MostPoints - 1) / MostPoints);
        Points = [.. Enumerable.Range(0, Count).Where(index => index % stride == 0).Select(index => (targets[index], predictions[index]))];
    }

    /// <summary>Numbers that were compared.</summary>
    public int Count { get; }

    /// <summary>Mean error: the bias.</summary>
    public double Mean { get; }

    /// <summary>Mean absolute error.</summary>
    public double MeanAbsolute { get; }

    /// <summary>Root of the mean squared error.</summary>
    public double RootMeanSquare { get; }

    /// <summary>Coefficient of determination R²: 1 is exact, 0 as good as the targets' mean; not finite when all targets are equal.</summary>
    public double Determination { get; }

    /// <summary>Errors by the share of errors that are smaller, from the smallest (0) to the largest (1).</summary>
    public IReadOnlyList<(double Share, double Error)> Quantiles { get; }

    /// <summary>Counts of errors in ranges of one width.</summary>
    public IReadOnlyList<(double From, double To, long Count)> Histogram { get; }

    /// <summary>Some pairs, evenly over the data set, to be drawn.</summary>
    public IReadOnlyList<(double Target, double Prediction)> Points { get; }

    /// <summary>Linear between the two nearest, as NumPy's and PyTorch's default.</summary>
    private static double Quantile(double[] sorted, double share)
    {
        double place = share * (sorted.Length - 1);
        int below = (int)place;
        return below == sorted.Length - 1 ? sorted[below] : sorted[below] + ((place - below) * (sorted[below + 1] - sorted[below]));
    }
}
