namespace ModelGen.Analyzers;

/// <summary>Diagnostic categories; they match the folders under <c>Rules</c> and can be configured as a group.</summary>
internal static class RuleCategories
{
    public const string Memory = "ModelGen.Memory";
    public const string Performance = "ModelGen.Performance";
    public const string Autograd = "ModelGen.Autograd";
    public const string Modules = "ModelGen.Modules";
    public const string Numerics = "ModelGen.Numerics";
}
