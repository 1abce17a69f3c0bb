namespace ModelGen.Monitoring;

/// <summary>How well a class, or a yes/no label, is told from the rest.</summary>
/// <param name="Name">Name of the class.</param>
/// <param name="Precision">Share of right decisions among those for the class; NaN when the model never gave it.</param>
/// <param name="Recall">Share of the class's samples that were found; NaN when there are none.</param>
/// <param name="F1">Harmonic mean of both: 2 TP / (2 TP + FP + FN); NaN when the class was neither there nor given.</param>
/// <param name="Support">Samples of the class.</param>
public sealed record ClassQuality(string Name, double Precision, double Recall, double F1, long Support)
{
    /// <summary>From counts.</summary>
    internal static ClassQuality Of(string name, long right, long given, long actual) =>
        new(name, (double)right / given, (double)right / actual, 2.0 * right / (given + actual), actual);
}
