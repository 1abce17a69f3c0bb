namespace ModelGen.Monitoring;

/// <summary>What a report shows besides the model and its fit; what is null is left out.</summary>
public sealed record ReportOptions
{
    /// <summary>Title of the page; null for the model's name.</summary>
    public string? Title { get; init; }

    /// <summary>What <c>Trainer.Profile</c> measured.</summary>
    public StepProfile? Profile { get; init; }

    /// <summary>What <c>Verify</c> found: fused inference, ONNX and INT8 against eager code.</summary>
    public VerifyReport? Verification { get; init; }

    /// <summary>What <c>Trainer.AnalyzeErrors</c> found.</summary>
    public ErrorAnalysis? Errors { get; init; }

    /// <summary>What a monitor saw.</summary>
    public IReadOnlyList<ResourceSample>? Resources { get; init; }
}
