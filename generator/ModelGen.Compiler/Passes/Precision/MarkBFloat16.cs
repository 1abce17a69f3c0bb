using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Passes;

/// <summary>
/// Marks the products of a training step that compute with operands rounded to bfloat16 (Kalamkar et al., arXiv:1905.12322): those whose sums are long enough that half the bytes
/// and twice the operations a cycle outweigh the rounding. Weights, gradients, statistics, losses and the optimizer stay in float32, and sums accumulate in float32.
/// </summary>
/// <remarks>Depthwise and grouped convolutions stay, which memory limits, and so do recurrent layers and attention.</remarks>
internal sealed class MarkBFloat16 : GraphRewriter
{
    /// <summary>The attribute of marked nodes.</summary>
    public const string Mark = "bfloat16";

    /// <summary>Sums of fewer products are dominated by rounding and packing.</summary>
    private const long LeastDepth = 32;

    public override string Name => "mark-bfloat16";

    protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder) =>
        builder.AddNode(node.Op, inputs, Pays(graph, node) ? node.Attributes.With(Mark, true) : node.Attributes);

    private static bool Pays(Graph graph, Node node)
    {
        TensorType Type(int operand) => graph.TypeOf(node.Inputs[operand]);
        if (node.Op is not ("linear" or "matmul" or "conv" or "conv_transpose" or "conv_backward") || Type(0).DType != DType.Float32)
        {
            return false;
        }

        EquatableArray<Dim> weight = Type(node.Op == "conv_backward" ? 2 : 1).Shape;
        Dim depth = node.Op switch
        {
            "linear" => weight[1],
            "matmul" => weight[weight.Count - 2],
            _ => weight.Skip(1).Aggregate(Dim.One, static (product, dim) => product * dim),
        };
        return depth.Constant is null or >= LeastDepth && (node.Op is "linear" or "matmul" || node.Attributes.Int("groups") == 1);
    }
}
