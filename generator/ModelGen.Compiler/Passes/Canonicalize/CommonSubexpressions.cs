using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Passes;

/// <summary>Computes equal pure nodes once. Random and side-effecting nodes are left alone.</summary>
internal sealed class CommonSubexpressions : GraphRewriter
{
    public override string Name => "common-subexpressions";

    protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder)
    {
        if (!OpRegistry.Get(node.Op).HasSideEffect)
        {
            // Linear in the graph per node; graphs have hundreds of nodes and this runs only when the model itself changed.
            EquatableArray<int> operands = inputs;
            foreach (Node earlier in builder.Nodes)
            {
                if (earlier.Op == node.Op && earlier.Inputs.Equals(operands) && earlier.Attributes.Equals(node.Attributes))
                {
                    return earlier.Outputs;
                }
            }
        }

        return base.Rewrite(graph, node, inputs, builder);
    }
}
