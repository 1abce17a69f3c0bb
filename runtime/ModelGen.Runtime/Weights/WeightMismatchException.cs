namespace ModelGen;

/// <summary>Weights do not fit a model. Nothing was loaded. The message is the table of <see cref="Report"/>.</summary>
/// <param name="report">What fits and what does not.</param>
public sealed class WeightMismatchException(WeightLoadReport report) : Exception(report.ToString())
{
    /// <summary>What fits and what does not.</summary>
    public WeightLoadReport Report { get; } = report;
}
