using System.Text.Json;
using System.Text.Json.Serialization;
using ModelGen;

namespace Digits;

/// <summary>One pass over the training set.</summary>
/// <param name="TrainLoss">Mean loss over the epoch's steps.</param>
/// <param name="Accuracy">Test accuracy after the epoch, as a fraction.</param>
internal sealed record EpochResult(double TrainLoss, double Accuracy);

/// <summary>One path of the final table.</summary>
internal sealed record PathResult
{
    /// <summary>Test accuracy as a fraction.</summary>
    public double? Accuracy { get; init; }

    /// <summary>Bytes of the file, or of the float32 parameters where there is no file.</summary>
    public long? Bytes { get; init; }

    /// <summary>Median milliseconds of a call on one image.</summary>
    public double? LatencyMs { get; init; }

    /// <summary>Largest difference from eager, relative to the largest absolute value of eager.</summary>
    public double? MaxError { get; init; }

    /// <summary>Largest difference from eager.</summary>
    public double? MaxAbsoluteError { get; init; }

    /// <summary>Share of test images with the class that eager finds.</summary>
    public double? Agreement { get; init; }

    /// <summary>Why the path is not verified; absent when it is.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Failure { get; init; }

    public static PathResult From(VerifyRow row) => new()
    {
        Accuracy = row.Accuracy,
        Bytes = row.Bytes,
        LatencyMs = row.LatencyMs,
        MaxError = row.MaxRelativeError,
        MaxAbsoluteError = row.MaxAbsoluteError,
        Agreement = row.Agreement,
        Failure = row.Failure,
    };
}

/// <summary>Where the sample left its files, as absolute paths.</summary>
internal sealed record FileResult(string Onnx, string Int8, string Misread, string Report);

/// <summary>Every figure the sample prints; written by <c>--json</c> with the property names in camel case.</summary>
internal sealed record Results
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Converters = { new FiniteOrNull() },
    };

    /// <summary>Name of the model class.</summary>
    public required string Model { get; init; }

    /// <summary>Where the images come from.</summary>
    public required string Data { get; init; }

    public required int TrainCount { get; init; }

    public required int TestCount { get; init; }

    /// <summary>Number of trainable parameters.</summary>
    public required long Parameters { get; init; }

    /// <summary>Floating-point operations of the forward pass for one image.</summary>
    public required long FlopsPerSample { get; init; }

    /// <summary>Wall time of training, tests between epochs included.</summary>
    public required double TrainSeconds { get; init; }

    public required IReadOnlyList<EpochResult> Epochs { get; init; }

    /// <summary><c>eager</c>, <c>fused</c>, <c>onnx</c> and <c>int8</c>.</summary>
    public required IReadOnlyDictionary<string, PathResult> Paths { get; init; }

    /// <summary>Whether every path ran and agrees.</summary>
    public required bool Passed { get; init; }

    /// <summary>Test images that the exported float32 model misreads.</summary>
    public required int Misread { get; init; }

    public required FileResult Files { get; init; }

    public string ToJson() => JsonSerializer.Serialize(this, Json) + "\n";

    /// <summary>JSON has no infinity and no NaN: a diverged loss is null rather than an exception at the very end.</summary>
    private sealed class FiniteOrNull : JsonConverter<double>
    {
        public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
        {
            if (double.IsFinite(value))
            {
                writer.WriteNumberValue(value);
            }
            else
            {
                writer.WriteNullValue();
            }
        }
    }
}
