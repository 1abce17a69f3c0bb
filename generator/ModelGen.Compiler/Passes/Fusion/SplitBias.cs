using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Passes;

/// <summary>Writes the bias of an affine map as an addition of its own, which fusion then joins with what follows.</summary>
internal sealed class SplitBias : GraphRewriter
{
    public override string Name => "split-bias";

    protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder) =>
        node.Op == "linear" && inputs.Length > 2 && inputs[2] >= 0
            ? [builder.Plus(builder.Add("linear", [inputs[0], inputs[1]]), inputs[2])]
            : base.Rewrite(graph, node, inputs, builder);
}
