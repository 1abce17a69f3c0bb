using ModelGen.Compiler.Layers;

namespace ModelGen.Compiler.FrontEnd;

/// <content>The functional forms of layers.</content>
internal static partial class TensorFunctions
{
    private static void AddLayers(Dictionary<string, Func<CallArguments, object?>> table)
    {
        Add(table, "F", "linear", static c => c.Graph.Add("linear", [c.Self, c.Tensor("weights"), c.OptionalTensor("bias")]));
        Add(table, "F", "scaled_dot_product_attention", static c =>
            Attention.Apply(c.Graph, c.Tensor("query"), c.Tensor("key"), c.Tensor("value"), c.OptionalTensor("attn_mask"), c.Flag("is_casual"), c.Number("p", 0)));
    }
}
