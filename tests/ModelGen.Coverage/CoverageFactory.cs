namespace ModelGen.Coverage;

/// <summary>The member that makes the model, written into the class because its constructor's arguments are C# text and it may be private.</summary>
internal static class CoverageFactory
{
    public const string Name = "__CoverageMake";

    /// <summary>The member; empty when a configuration member makes the model.</summary>
    public static string Member(string className, CaseFile file) =>
        file.Model.Contains("Config", StringComparison.Ordinal) && file.Model.Contains('=', StringComparison.Ordinal) ? "" : $"internal static object {Name}() => new {className}({file.Model});";
}
