namespace ModelGen.Compiler.FrontEnd;

/// <content>Recurrent networks, embeddings, attention and distances.</content>
internal static partial class TensorFunctions
{
    private static void AddSequence(Dictionary<string, Func<CallArguments, object?>> table)
    {
    }
}
