namespace ModelGen.Compiler.Modules;

/// <summary>Convolutions, pooling, padding, resampling and normalisation: TorchSharp's layer types.</summary>
internal static class SpatialModules
{
    public static IReadOnlyList<ModuleDefinition> All { get; } = [];
}
