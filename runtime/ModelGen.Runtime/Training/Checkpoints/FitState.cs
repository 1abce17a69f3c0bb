using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace ModelGen;

/// <summary>What a checkpoint holds besides tensors.</summary>
internal sealed record FitState
{
    private static readonly JsonSerializerOptions Format = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    /// <summary>What must be the same for the fit to go on as if it had not been interrupted: names and values.</summary>
    public required Dictionary<string, string> Settings { get; init; }

    /// <summary>Epoch that runs, from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>Batches of it that are done; that of a whole epoch when it has ended.</summary>
    public required int Batch { get; init; }

    /// <summary>Pass over the data in which the next batch lies, from 1.</summary>
    public required int Pass { get; init; }

    /// <summary>Number of that batch in the pass.</summary>
    public required int PassBatch { get; init; }

    public required long Steps { get; init; }

    public required int StepsInEpoch { get; init; }

    public required long Samples { get; init; }

    public required long SamplesInEpoch { get; init; }

    public required double LossSum { get; init; }

    public required TimeSpan EpochTime { get; init; }

    public required long Skipped { get; init; }

    public long SkippedSamples { get; init; }

    public required long RunCount { get; init; }

    public required ulong? RandomKey { get; init; }

    public required long OptimizerSteps { get; init; }

    public required double OptimizerScalar { get; init; }

    /// <summary>That of an optimizer that searches; null for others.</summary>
    public LbfgsCounters? OptimizerSearch { get; init; }

    public required double LearningRate { get; init; }

    public required JsonNode? Scheduler { get; init; }

    public required long Averaged { get; init; }

    public required double BestValue { get; init; }

    public required int WithoutBetter { get; init; }

    public required List<EpochResult> Epochs { get; init; }

    public required EvaluationResult? Validation { get; init; }

    /// <summary>Name of what is monitored.</summary>
    public required string Monitor { get; init; }

    public required MonitorMode Mode { get; init; }

    /// <summary>Its value for the weights of this checkpoint; null when they were not validated.</summary>
    public required double? Monitored { get; init; }

    public string ToJson() => JsonSerializer.Serialize(this, Format);

    public static FitState FromJson(string json) => JsonSerializer.Deserialize<FitState>(json, Format) ?? throw new JsonException("null");
}
