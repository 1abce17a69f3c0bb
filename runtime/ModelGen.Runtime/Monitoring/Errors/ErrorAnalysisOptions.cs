namespace ModelGen.Monitoring;

/// <summary>Settings of an <see cref="ErrorAnalysis"/>.</summary>
public sealed record ErrorAnalysisOptions
{
    /// <summary>Names of the classes by their number, or of the outputs of yes/no labels; null for their numbers.</summary>
    public IReadOnlyList<string>? Classes { get; init; }

    /// <summary>How many of the samples with the largest losses are kept; default 25.</summary>
    public int Worst { get; init; } = 25;

    /// <summary>Bins of the calibration curve; default 15.</summary>
    public int Bins { get; init; } = 15;

    /// <summary>Samples per call of the model; default 256.</summary>
    public int BatchSize { get; init; } = 256;
}
