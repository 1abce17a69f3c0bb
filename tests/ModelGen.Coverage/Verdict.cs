using System.Text.Json;
using System.Text.Json.Serialization;

namespace ModelGen.Coverage;

/// <summary>How a case ended.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Outcome>))]
internal enum Outcome
{
    /// <summary>Compiled, and every path that the model has agrees with TorchSharp.</summary>
    Equal,

    /// <summary>Not compiled; diagnostics point into the source.</summary>
    Refused,

    /// <summary>A path computes something else or fails, the generated code does not compile, or a refusal points nowhere.</summary>
    Wrong,

    /// <summary>The sources themselves do not compile.</summary>
    NoBuild,

    /// <summary>The eager model does not run with the inputs of the case.</summary>
    BadCase,

    /// <summary>The process ended without a verdict.</summary>
    Crash,

    /// <summary>The time limit passed.</summary>
    Timeout,
}

/// <summary>A diagnostic or another fact of a case.</summary>
/// <param name="Id">Diagnostic, or the path that was compared.</param>
/// <param name="Where">File and line, empty when not in the source.</param>
/// <param name="Message">Text.</param>
internal sealed record Finding(string Id, string Where, string Message);

/// <summary>The result of a case.</summary>
/// <param name="Case">Folder name.</param>
/// <param name="Outcome">Verdict.</param>
/// <param name="Findings">Diagnostics, and what went wrong.</param>
/// <param name="Errors">Relative errors of the paths that ran.</param>
internal sealed record Verdict(string Case, Outcome Outcome, IReadOnlyList<Finding> Findings, IReadOnlyDictionary<string, double> Errors)
{
    private static readonly JsonSerializerOptions Options = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    public static Verdict Of(string name, Outcome outcome, params IReadOnlyList<Finding> findings) => new(name, outcome, findings, new Dictionary<string, double>());

    public static Verdict Parse(string text) => JsonSerializer.Deserialize<Verdict>(text, Options) ?? throw new JsonException("No verdict.");

    public static string Write(IReadOnlyList<Verdict> verdicts) => JsonSerializer.Serialize(verdicts, Options);

    public override string ToString() => JsonSerializer.Serialize(this, Options);
}
