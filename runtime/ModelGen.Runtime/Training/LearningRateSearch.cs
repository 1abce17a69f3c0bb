using System.Globalization;

namespace ModelGen;

/// <summary>What <see cref="Trainer{TModel}.FindLearningRate(Data.Dataset, double, double, int, CancellationToken)"/> found. <see cref="ToString"/> is a table.</summary>
/// <param name="Points">Learning rates in rising order, with the smoothed loss after a step at each.</param>
/// <param name="Suggestion">The learning rate at which the loss falls most steeply over its logarithm; NaN when it never falls.</param>
public sealed record LearningRateSearch(IReadOnlyList<(double LearningRate, double Loss)> Points, double Suggestion)
{
    /// <summary>About twenty of the points, and the suggestion.</summary>
    /// <returns>Several lines.</returns>
    public override string ToString()
    {
        var table = new TextTable(">learning rate", ">loss");
        int every = Math.Max(1, Points.Count / 20);
        for (int i = 0; i < Points.Count; i += every)
        {
            table.Add(Points[i].LearningRate.ToString("0.00e+0", CultureInfo.InvariantCulture), Points[i].Loss.ToString("0.0000", CultureInfo.InvariantCulture));
        }

        return table + string.Create(CultureInfo.InvariantCulture, $"suggestion: {Suggestion:0.0e+0}\n");
    }

    internal static LearningRateSearch From(List<(double LearningRate, double Loss)> points)
    {
        // The first points are noise of the start, the last ones belong to the divergence.
        double steepest = 0;
        double suggestion = double.NaN;
        for (int i = Math.Min(5, points.Count / 10) + 1; i < points.Count - 1; i++)
        {
            double slope = (points[i + 1].Loss - points[i - 1].Loss) / Math.Log(points[i + 1].LearningRate / points[i - 1].LearningRate);
            if (slope < steepest)
            {
                (steepest, suggestion) = (slope, points[i].LearningRate);
            }
        }

        return new LearningRateSearch(points, suggestion);
    }
}
