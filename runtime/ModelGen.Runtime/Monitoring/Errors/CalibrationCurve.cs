namespace ModelGen.Monitoring;

/// <summary>Decisions of about the same confidence.</summary>
/// <param name="Low">Smallest confidence of the bin.</param>
/// <param name="High">Largest.</param>
/// <param name="Count">Decisions in it.</param>
/// <param name="Confidence">Mean confidence; NaN when it is empty.</param>
/// <param name="Accuracy">Share of right decisions; NaN when it is empty.</param>
public sealed record CalibrationBin(double Low, double High, long Count, double Confidence, double Accuracy);

/// <summary>
/// Whether a model is right as often as its probabilities say: confidences in bins of one width, and the expected calibration error (Guo et al., "On Calibration of Modern Neural
/// Networks", 2017).
/// </summary>
public sealed class CalibrationCurve
{
    /// <summary>Computes the curve.</summary>
    /// <param name="confidences">Probability that the model gave to each of its decisions, from 0 to 1.</param>
    /// <param name="right">Whether each was right.</param>
    /// <param name="bins">Number of bins; 15 is usual.</param>
    /// <exception cref="ArgumentException">The lists differ in length.</exception>
    public CalibrationCurve(IReadOnlyList<double> confidences, IReadOnlyList<bool> right, int bins = 15)
    {
        ArgumentNullException.ThrowIfNull(confidences);
        ArgumentNullException.ThrowIfNull(right);
        ArgumentOutOfRangeException.ThrowIfLessThan(bins, 1);
        if (confidences.Count != right.Count)
        {
            throw new ArgumentException($"There are {confidences.Count} confidences and {right.Count} decisions.");
        }

        var count = new long[bins];
        var hits = new long[bins];
        var sum = new double[bins];
        for (int i = 0; i < confidences.Count; i++)
        {
            // Bins are open below and closed above, as in the paper.
            int bin = Math.Clamp((int)Math.Ceiling(confidences[i] * bins) - 1, 0, bins - 1);
            count[bin]++;
            hits[bin] += right[i] ? 1 : 0;
            sum[bin] += confidences[i];
        }

        Bins = [.. Enumerable.Range(0, bins).Select(bin => new CalibrationBin((double)bin / bins, (bin + 1.0) / bins, count[bin], sum[bin] / count[bin], (double)hits[bin] / count[bin]))];
        CalibrationBin[] filled = [.. Bins.Where(static bin => bin.Count > 0)];
        ExpectedError = filled.Sum(static bin => bin.Count * Math.Abs(bin.Accuracy - bin.Confidence)) / confidences.Count;
        LargestError = filled.Length == 0 ? double.NaN : filled.Max(static bin => Math.Abs(bin.Accuracy - bin.Confidence));
    }

    /// <summary>The bins, from low to high confidence.</summary>
    public IReadOnlyList<CalibrationBin> Bins { get; }

    /// <summary>Expected calibration error (ECE): mean distance of accuracy and confidence, weighted by the decisions of the bins.</summary>
    public double ExpectedError { get; }

    /// <summary>Maximum calibration error (MCE): the largest distance.</summary>
    public double LargestError { get; }
}
