namespace ModelGen.Compiler.Ops;

/// <summary>Recurrent networks, embeddings, attention and distances: the operators that build on the library's.</summary>
internal static class SequenceOps
{
    public static IReadOnlyList<OpDefinition> All { get; } = [];
}
