using static TorchSharp.torch;

namespace ModelGen;

/// <summary>
/// A figure of merit that validation computes besides loss and accuracy (<see cref="TrainerOptions.Metrics"/>); its value is found by its name in <see cref="EvaluationResult.Metrics"/>. Sums stay on
/// the model's device until the data set has been seen: nothing is read back per batch.
/// </summary>
/// <param name="Name">Name in the results, such as <c>"macro F1"</c>.</param>
public sealed record Metric(string Name)
{
    /// <summary>Share of samples whose class is among the k most likely ones; name <c>"top k accuracy"</c> with the number. Only for <see cref="Loss.CrossEntropy"/>.</summary>
    /// <param name="k">How many classes count.</param>
    public static Metric TopAccuracy(int k)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(k);
        return new Metric(FormattableString.Invariant($"top {k} accuracy")) { K = k };
    }

    /// <summary>Share of right ones among the samples assigned to a class, mean over the classes that occur; 0 for a class that is never assigned. Name <c>"macro precision"</c>.</summary>
    public static Metric MacroPrecision { get; } = new("macro precision");

    /// <summary>Share of found ones among the samples of a class, mean over the classes that occur. Name <c>"macro recall"</c>.</summary>
    public static Metric MacroRecall { get; } = new("macro recall");

    /// <summary>Harmonic mean of precision and recall of a class, mean over the classes that occur. Name <c>"macro F1"</c>.</summary>
    public static Metric MacroF1 { get; } = new("macro F1");

    /// <summary>
    /// Precision over the decisions of all classes together, which is the accuracy for <see cref="Loss.CrossEntropy"/>; for <see cref="Loss.BCEWithLogits"/> that of "yes". Name <c>"micro precision"</c>.
    /// </summary>
    public static Metric MicroPrecision { get; } = new("micro precision");

    /// <summary>Recall over the decisions of all classes together; for <see cref="Loss.BCEWithLogits"/> that of "yes". Name <c>"micro recall"</c>.</summary>
    public static Metric MicroRecall { get; } = new("micro recall");

    /// <summary>F1 over the decisions of all classes together; for <see cref="Loss.BCEWithLogits"/> that of "yes". Name <c>"micro F1"</c>.</summary>
    public static Metric MicroF1 { get; } = new("micro F1");

    /// <summary>
    /// Area below the receiver operating characteristic, ties counted half; for more than two classes the mean over "this class against the rest" of those that occur. Keeps the scores of all
    /// samples until the end. Name <c>"ROC AUC"</c>.
    /// </summary>
    public static Metric RocAuc { get; } = new("ROC AUC");

    /// <summary>Exponential of the mean cross-entropy (without label smoothing). Name <c>"perplexity"</c>.</summary>
    public static Metric Perplexity { get; } = new("perplexity");

    /// <summary>Mean absolute error. Name <c>"MAE"</c>.</summary>
    public static Metric MeanAbsoluteError { get; } = new("MAE");

    /// <summary>Root of the mean squared error. Name <c>"RMSE"</c>.</summary>
    public static Metric RootMeanSquaredError { get; } = new("RMSE");

    /// <summary>Coefficient of determination, 1 - squared error / variance, mean over the outputs; NaN when an output's target never varies. Name <c>"R2"</c>.</summary>
    public static Metric R2 { get; } = new("R2");

    /// <summary>Counts of samples by true class (row) and assigned class (column), in <see cref="EvaluationResult.ConfusionMatrix"/>. Only for classification.</summary>
    public static Metric ConfusionMatrix { get; } = new("confusion matrix");

    /// <summary>A sum over samples of your own, divided by the number of samples.</summary>
    /// <param name="name">Name in the results.</param>
    /// <param name="sum">Gets prediction and target of a batch and returns the sum over its samples, a tensor of one element.</param>
    public static Metric Mean(string name, Func<Tensor, Tensor, Tensor> sum) => new(name) { Sum = sum };

    internal int K { get; private init; }

    internal Func<Tensor, Tensor, Tensor>? Sum { get; private init; }

    internal bool NeedsConfusion => this == MacroPrecision || this == MacroRecall || this == MacroF1 || this == MicroPrecision || this == MicroRecall || this == MicroF1 || this == ConfusionMatrix;

    internal bool NeedsErrors => this == RootMeanSquaredError || this == R2 || this == MeanAbsoluteError;

    /// <summary>Refuses a metric that a loss has no meaning for.</summary>
    internal void Check(Loss loss)
    {
        bool classes = loss == Loss.CrossEntropy;
        bool decides = classes || loss == Loss.BCEWithLogits;
        bool fits = Sum is not null || (NeedsErrors ? !decides : K > 0 || this == Perplexity ? classes : decides);
        if (!fits)
        {
            throw new ArgumentException($"The metric '{Name}' has no meaning for Loss.{loss}.");
        }
    }
}
