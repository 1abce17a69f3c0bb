namespace ModelGen.Onnx;

/// <summary>Settings of <see cref="Quantizer.QuantizeToAccuracy"/>.</summary>
public sealed record AccuracyOptions
{
    /// <summary>Largest loss of score, as a share of the float model's score; default 0.003 (0.3 %).</summary>
    public double MaxAccuracyDrop { get; init; } = 0.003;

    /// <summary>What is tried, in order, until one keeps the accuracy. The default goes from the cheapest to the most thorough.</summary>
    public IReadOnlyList<StaticQuantizationOptions> Recipes { get; init; } =
    [
        new(),
        new() { Calibration = CalibrationMethod.Mse, CorrectBias = true },
        new() { Calibration = CalibrationMethod.Percentile, CorrectBias = true },
        new() { Calibration = CalibrationMethod.Mse, CorrectBias = true, EqualizeLayers = true, SmoothQuant = 0.5 },
        new() { Calibration = CalibrationMethod.Mse, CorrectBias = true, EqualizeLayers = true, SmoothQuant = 0.5, Rounding = WeightRounding.Adaptive },
    ];

    /// <summary>Samples on which each product's share in the noise is measured; default 16.</summary>
    public int SensitivitySamples { get; init; } = 16;
}
