namespace ModelGen.Compiler.FrontEnd;

/// <content>Embeddings and distances.</content>
internal static partial class TensorFunctions
{
    private static void AddSequence(Dictionary<string, Func<CallArguments, object?>> table)
    {
        Add(table, "F", "bilinear", static c => SequenceLowering.Bilinear(c.Graph, c.Tensor("input1"), c.Tensor("input2"), c.Tensor("weight"), c.OptionalTensor("bias")));
        Add(table, "F", "cosine_similarity", static c => SequenceLowering.CosineSimilarity(c.Graph, c.Tensor("x1"), c.Tensor("x2"), c.Int("dim", 1), c.Number("eps", 1e-8)));
    }
}
