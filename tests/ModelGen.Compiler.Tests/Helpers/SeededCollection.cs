namespace ModelGen.Compiler.Tests;

/// <summary>Tests that seed torch's one generator and expect its stream: nothing else may draw from it meanwhile.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class SeededCollection
{
    public const string Name = "seeded";
}
