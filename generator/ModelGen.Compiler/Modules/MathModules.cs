namespace ModelGen.Compiler.Modules;

/// <summary>Elementwise mathematics, reductions, indexing, sorting and tensor creation: TorchSharp's layer types.</summary>
internal static class MathModules
{
    public static IReadOnlyList<ModuleDefinition> All { get; } = [];
}
