using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Passes;

/// <summary>
/// A sum of tensors that are zero outside a range each, which together cover a dimension without overlap, is those ranges joined: what the gradient of splitting a tensor
/// (into queries, keys and values, say) comes to.
/// </summary>
internal sealed class JoinSlices : IGraphPass
{
    public string Name => "join-slices";

    public Graph Run(Graph graph) => graph.Nodes.Count(static node => node.Op == "slice_backward") < 2 ? graph : new Rewriter(graph).Run(graph);

    private sealed class Rewriter : GraphRewriter
    {
        private readonly Dictionary<int, Node> producers = [];
        private readonly Dictionary<Node, List<Node>> joined = [];
        private readonly Dictionary<int, int> map = [];

        public Rewriter(Graph graph)
        {
            var reads = new int[graph.Values.Count];
            foreach (int value in graph.Nodes.SelectMany(static node => node.Inputs).Concat(graph.Outputs).Where(static value => value >= 0))
            {
                reads[value]++;
            }

            foreach (Node node in graph.Nodes)
            {
                foreach (int output in node.Outputs)
                {
                    producers[output] = node;
                }
            }

            // The outermost sum first; what it takes in is not looked at again.
            var inner = new HashSet<Node>();
            foreach (Node node in graph.Nodes.Reverse().Where(node => node.Op == "add" && !inner.Contains(node)))
            {
                var parts = new List<Node>();
                var sums = new List<Node>();
                if (Collect(graph, node, reads, parts, sums) && Covers(graph, node, parts))
                {
                    joined.Add(node, parts);
                    inner.UnionWith(sums);
                }
            }
        }

        public override string Name => "join-slices";

        protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder)
        {
            IReadOnlyList<int> results = joined.TryGetValue(node, out List<Node> parts)
                ? [builder.Add("cat", [.. parts.Select(part => map[part.Inputs[0]])], ("axis", parts[0].Attributes.Int("axis")))]
                : base.Rewrite(graph, node, inputs, builder);
            for (int i = 0; i < results.Count; i++)
            {
                map[node.Outputs[i]] = results[i];
            }

            return results;
        }

        private bool Collect(Graph graph, Node sum, int[] reads, List<Node> parts, List<Node> sums)
        {
            foreach (int input in sum.Inputs)
            {
                if (!graph.TypeOf(input).Equals(graph.TypeOf(sum.Outputs[0])) || reads[input] != 1 || !producers.TryGetValue(input, out Node node))
                {
                    return false;
                }

                if (node.Op == "slice_backward")
                {
                    parts.Add(node);
                }
                else if (node.Op == "add" && Collect(graph, node, reads, parts, sums))
                {
                    sums.Add(node);
                }
                else
                {
                    return false;
                }
            }

            return true;
        }

        /// <summary>Sorts the parts; whether they follow one another from the start to the end of one dimension.</summary>
        private static bool Covers(Graph graph, Node sum, List<Node> parts)
        {
            int axis = (int)parts[0].Attributes.Int("axis");
            if (parts.Any(part => part.Attributes.Int("axis") != axis || part.Attributes.Dims("start")[0].Constant is null))
            {
                return false;
            }

            parts.Sort(static (a, b) => a.Attributes.Dims("start")[0].Constant!.Value.CompareTo(b.Attributes.Dims("start")[0].Constant!.Value));
            Dim place = Dim.Zero;
            foreach (Node part in parts)
            {
                if (!part.Attributes.Dims("start")[0].Equals(place) || graph.Values[part.Inputs[0]].Kind != ValueKind.Intermediate)
                {
                    return false;
                }

                place += graph.TypeOf(part.Inputs[0]).Shape[axis];
            }

            return place.Equals(graph.TypeOf(sum.Outputs[0]).Shape[axis]);
        }
    }
}
