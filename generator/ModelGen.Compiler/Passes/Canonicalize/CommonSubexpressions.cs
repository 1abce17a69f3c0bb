using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Passes;

/// <summary>Computes equal pure nodes once. Random and side-effecting nodes are left alone.</summary>
internal sealed class CommonSubexpressions : IGraphPass
{
    public string Name => "common-subexpressions";

    public Graph Run(Graph graph) => new Rewriter().Run(graph);

    /// <summary>One run: what was seen belongs to the graph that is being written.</summary>
    private sealed class Rewriter : GraphRewriter
    {
        private readonly Dictionary<(string Op, EquatableArray<int> Inputs, OpAttributes Attributes), IReadOnlyList<int>> seen = [];

        public override string Name => "common-subexpressions";

        protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder)
        {
            if (OpRegistry.Get(node.Op).HasSideEffect)
            {
                return base.Rewrite(graph, node, inputs, builder);
            }

            if (!seen.TryGetValue((node.Op, inputs, node.Attributes), out IReadOnlyList<int> results))
            {
                seen.Add((node.Op, inputs, node.Attributes), results = base.Rewrite(graph, node, inputs, builder));
            }

            return results;
        }
    }
}
