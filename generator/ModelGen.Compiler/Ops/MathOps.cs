namespace ModelGen.Compiler.Ops;

/// <summary>Elementwise mathematics, reductions, indexing, sorting and tensor creation: the operators that build on the library's.</summary>
internal static class MathOps
{
    public static IReadOnlyList<OpDefinition> All { get; } = [];
}
