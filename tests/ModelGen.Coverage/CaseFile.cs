using System.Text.Json;
using System.Text.Json.Serialization;

namespace ModelGen.Coverage;

/// <summary>What <c>case.json</c> says: which class of the folder's sources is the model and what it is fed with.</summary>
internal sealed record CaseFile
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>The model class, as in C#: <c>Type</c>, <c>Outer.Type</c> or <c>Namespace.Type</c>.</summary>
    public required string Class { get; init; }

    /// <summary>Text of the arguments of <c>[Model(...)]</c>.</summary>
    public string Model { get; init; } = "";

    /// <summary>Inputs by the name of forward's parameter.</summary>
    public required IReadOnlyDictionary<string, CaseInput> Inputs { get; init; }

    /// <summary><c>forward</c>, or <c>call</c> to run hooks too.</summary>
    public string Method { get; init; } = "forward";

    /// <summary>Values of the symbolic sizes; the first one named in the inputs is 2 by default, others 4.</summary>
    public IReadOnlyDictionary<string, int> Sizes { get; init; } = new Dictionary<string, int>();

    /// <summary>C# inserted into the class, e.g. a static configuration member.</summary>
    public string Extra { get; init; } = "";

    /// <summary>C# of a file of its own: what the original project defines elsewhere (global usings, helper types).</summary>
    public string Prelude { get; init; } = "";

    /// <summary>Other folders, relative to the case, whose sources are part of it.</summary>
    public IReadOnlyList<string> Sources { get; init; } = [];

    /// <summary>Largest relative error that counts as equal.</summary>
    public double Tolerance { get; init; } = 1e-4;

    /// <summary>Whether the training step is compared.</summary>
    public bool Train { get; init; } = true;

    /// <summary>Why the case is as it is; for the reader.</summary>
    public string Note { get; init; } = "";

    public static CaseFile Read(string path) => JsonSerializer.Deserialize<CaseFile>(File.ReadAllText(path), Options) ?? throw new JsonException(path + " is empty.");
}

/// <summary>One input tensor.</summary>
internal sealed record CaseInput
{
    /// <summary>Sizes: whole numbers or names.</summary>
    public required IReadOnlyList<JsonElement> Shape { get; init; }

    /// <summary>Element type.</summary>
    public string Type { get; init; } = "Float32";

    /// <summary>Integer inputs are below this.</summary>
    public int Max { get; init; } = 10;

    /// <summary>Float inputs are in [0, 1) instead of normally distributed.</summary>
    public bool Positive { get; init; }

    public string AttributeArguments() =>
        string.Join(", ", Shape.Select(static size => size.ValueKind == JsonValueKind.String ? $"\"{size.GetString()}\"" : size.GetRawText()))
        + (Type == "Float32" ? "" : $", Type = global::ModelGen.ElementType.{Type}");
}
