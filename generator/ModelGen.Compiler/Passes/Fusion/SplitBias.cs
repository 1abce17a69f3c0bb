using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Passes;

/// <summary>Writes the bias of an affine map or a convolution as an addition of its own, which fusion then joins with what follows.</summary>
internal sealed class SplitBias : GraphRewriter
{
    public override string Name => "split-bias";

    protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder)
    {
        if (node.Op is not ("linear" or "conv" or "conv_transpose") || inputs.Length < 3 || inputs[2] < 0)
        {
            return base.Rewrite(graph, node, inputs, builder);
        }

        int product = builder.AddNode(node.Op, new[] { inputs[0], inputs[1] }, node.Attributes)[0];
        int spatial = node.Op != "linear" ? builder.TypeOf(inputs[1]).Rank - 2 : 0;
        int bias = spatial == 0 ? inputs[2] : builder.Reshape(inputs[2], builder.TypeOf(inputs[2]).Shape.Concat(Enumerable.Repeat(Dim.One, spatial)).ToEquatableArray());
        return [builder.Plus(product, bias)];
    }
}
