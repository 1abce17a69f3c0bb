using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Passes;

/// <summary>
/// Inference only: batch normalisation becomes a scale and shift of the convolution or linear layer before it, or of its own input.
/// </summary>
/// <remarks>
/// With s = weight / sqrt(variance + eps): a convolution W x + b followed by batch norm equals (s W) x + (s (b - mean) + bias). The folded weights are
/// computed from the current parameters in front of the graph, so they are never stale; an exporter writes their values.
/// Precondition: inference mode. Postcondition: no <c>batch_norm</c> whose input is a convolution or linear that nobody else reads.
/// </remarks>
internal sealed class FoldBatchNorm : IGraphPass
{
    public string Name => "fold-batch-norm";

    public Graph Run(Graph graph)
    {
        var readers = new int[graph.Values.Count];
        foreach (int value in graph.Nodes.SelectMany(static node => node.Inputs).Concat(graph.Outputs).Where(static value => value >= 0))
        {
            readers[value]++;
        }

        var producers = graph.Nodes.Where(static node => node.Op is "conv" or "linear").ToDictionary(static node => node.Outputs[0]);
        var folded = graph.Nodes
            .Where(node => node.Op == "batch_norm" && producers.ContainsKey(node.Inputs[0]) && readers[node.Inputs[0]] == 1)
            .Where(node => producers[node.Inputs[0]].Op == "conv" || graph.TypeOf(node.Inputs[0]).Rank == 2)
            .ToDictionary(node => producers[node.Inputs[0]], static node => node);
        return new Rewriter(folded).Run(graph);
    }

    private sealed class Rewriter(Dictionary<Node, Node> folded) : GraphRewriter
    {
        private readonly HashSet<Node> gone = [.. folded.Values];

        public override string Name => "fold-batch-norm";

        protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder)
        {
            if (gone.Contains(node))
            {
                return [inputs[0]];
            }

            if (folded.TryGetValue(node, out Node norm))
            {
                // Parameters keep their places: values of kinds other than Intermediate are mapped in order.
                int[] statistics = [.. norm.Inputs.Skip(1).Select(value => value < 0 ? -1 : Position(graph, value))];
                return Fold(builder, node, inputs, norm, statistics);
            }

            return base.Rewrite(graph, node, inputs, builder);
        }

        private static int Position(Graph graph, int value) => graph.Values.Take(value).Count(static earlier => earlier.Kind != ValueKind.Intermediate);

        private static IReadOnlyList<int> Fold(GraphBuilder builder, Node node, int[] inputs, Node norm, int[] statistics)
        {
            (int weight, int bias, int mean, int variance) = (statistics[0], statistics[1], statistics[2], statistics[3]);
            int reciprocal = builder.Unary("rsqrt", builder.Plus(variance, norm.Attributes.Double("eps")));
            int scale = weight < 0 ? reciprocal : builder.Times(weight, reciprocal);
            builder.NameValue(scale, norm.Layer + ".scale");
            TensorType kernel = builder.TypeOf(inputs[1]);
            int shaped = builder.Reshape(scale, kernel.Shape.Select((dim, axis) => axis == 0 ? dim : Dim.One).ToEquatableArray());
            int foldedWeight = builder.Times(inputs[1], shaped);
            builder.NameValue(foldedWeight, node.Layer + ".folded_weight");
            int centered = inputs.Length > 2 && inputs[2] >= 0 ? builder.Minus(inputs[2], mean) : builder.Unary("neg", mean);
            int scaled = builder.Times(centered, scale);
            int foldedBias = bias < 0 ? scaled : builder.Plus(scaled, bias);
            builder.NameValue(foldedBias, node.Layer + ".folded_bias");
            return builder.AddNode(node.Op, new[] { inputs[0], foldedWeight, foldedBias }, node.Attributes);
        }
    }
}
