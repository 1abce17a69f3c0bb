namespace ModelGen;

/// <summary>Which values of a monitored figure are better.</summary>
public enum MonitorMode
{
    /// <summary>Smaller ones, as of a loss.</summary>
    Min,

    /// <summary>Larger ones, as of an accuracy.</summary>
    Max,
}

/// <summary>Ends a fit when the monitored value (<see cref="TrainerOptions.Monitor"/>) has not got better for some validations (Prechelt, "Early stopping - but when?", 1998).</summary>
/// <param name="Patience">Validations without a better value before the fit ends.</param>
public sealed record EarlyStopping(int Patience)
{
    /// <summary>By how much a value must be better to count; default 0.</summary>
    public double MinDelta { get; init; }
}

/// <summary>The value that early stopping, the choice of the best checkpoint and <see cref="Schedulers.ReduceLROnPlateau"/> look at.</summary>
internal sealed class MonitoredValue
{
    private readonly string name;

    public MonitoredValue(TrainerOptions options, bool validates)
    {
        name = options.Monitor ?? (validates ? "loss" : "train loss");
        Mode = options.MonitorMode ?? (name.Contains("loss", StringComparison.OrdinalIgnoreCase) || name is "MAE" or "RMSE" or "perplexity" ? MonitorMode.Min : MonitorMode.Max);
        if (!validates && name != "train loss")
        {
            throw new ArgumentException($"Monitor = \"{name}\" needs a validation set; without one only \"train loss\" can be monitored.");
        }
    }

    public string Name => name;

    public MonitorMode Mode { get; }

    public double Of(double trainLoss, EvaluationResult? validation)
    {
        double? value = name switch
        {
            "train loss" => trainLoss,
            "loss" => validation?.Loss,
            "accuracy" => validation?.Accuracy,
            "MAE" when validation?.MeanAbsoluteError is double error => error,
            _ => validation is not null && validation.Metrics.TryGetValue(name, out double metric) ? metric : null,
        };
        return value ?? throw new ArgumentException(
            $"Monitor = \"{name}\", but the validation has no such value. It has \"loss\"{(validation?.Accuracy is null ? ", \"MAE\"" : ", \"accuracy\"")}"
            + string.Concat((validation?.Metrics.Keys ?? []).Select(static key => $", \"{key}\"")) + "; further ones are computed when TrainerOptions.Metrics asks for them.");
    }

    public bool IsBetter(double value, double than, double delta = 0) => double.IsNaN(than) ? !double.IsNaN(value) : Mode == MonitorMode.Min ? value < than - delta : value > than + delta;
}
