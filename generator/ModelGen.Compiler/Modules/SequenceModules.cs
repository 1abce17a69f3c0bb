namespace ModelGen.Compiler.Modules;

/// <summary>Recurrent networks, embeddings, attention and distances: TorchSharp's layer types.</summary>
internal static class SequenceModules
{
    public static IReadOnlyList<ModuleDefinition> All { get; } = [];
}
