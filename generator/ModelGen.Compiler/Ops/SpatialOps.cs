namespace ModelGen.Compiler.Ops;

/// <summary>Convolutions, pooling, padding, resampling and normalisation: the operators that build on the library's.</summary>
internal static class SpatialOps
{
    public static IReadOnlyList<OpDefinition> All { get; } = [];
}
