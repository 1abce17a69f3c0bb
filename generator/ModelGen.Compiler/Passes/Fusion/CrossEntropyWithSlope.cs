using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Passes;

/// <summary>
/// Replaces a cross-entropy and the softmax of its gradient by one operator with two results. Matches
/// <c>divide_by_size(subtract_target(softmax(x), target))</c> of the same scores and targets.
/// </summary>
internal sealed class CrossEntropyWithSlope : IGraphPass
{
    public string Name => "cross-entropy-with-slope";

    public Graph Run(Graph graph) => new Rewriter(graph).Run(graph);

    private sealed class Rewriter : GraphRewriter
    {
        private readonly Dictionary<int, Node> producers = [];
        private readonly Dictionary<(int Scores, int Target), int> slopes = [];

        public Rewriter(Graph graph)
        {
            foreach (Node node in graph.Nodes)
            {
                foreach (int output in node.Outputs)
                {
                    producers[output] = node;
                }
            }
        }

        public override string Name => "cross-entropy-with-slope";

        protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder)
        {
            if (node.Op == "cross_entropy")
            {
                EquatableArray<int> both = builder.AddNode("cross_entropy_with_slope", inputs, node.Attributes);
                slopes[(node.Inputs[0], node.Inputs[1])] = both[1];
                return [both[0]];
            }

            return node.Op == "divide_by_size"
                && producers.TryGetValue(node.Inputs[0], out Node subtract) && subtract.Op == "subtract_target"
                && producers.TryGetValue(subtract.Inputs[0], out Node softmax) && softmax.Op == "softmax" && softmax.Attributes.Int("axis") == 1
                && slopes.TryGetValue((softmax.Inputs[0], subtract.Inputs[1]), out int slope)
                && node.Attributes.Dims("size")[0].Equals(graph.TypeOf(subtract.Inputs[1]).Count)
                    ? [slope]
                    : base.Rewrite(graph, node, inputs, builder);
        }
    }
}
