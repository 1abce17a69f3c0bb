using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Passes;

/// <summary>
/// A relu or clamp that alone reads a batch normalisation in training becomes part of it, and the mask of its gradient part of the gradient: what lies between them need not be kept for
/// the backward pass, as it can be computed again from the operand. Masks are matched as the gradient rules write them.
/// </summary>
internal sealed class FuseBatchNormActivation : IGraphPass
{
    public string Name => "fuse-batch-norm-activation";

    public Graph Run(Graph graph) => graph.Nodes.Any(static node => node.Op == "batch_norm_train") ? new Rewriter(graph).Run(graph) : graph;

    private sealed class Rewriter : GraphRewriter
    {
        private readonly Dictionary<int, Node> producers = [];
        private readonly Dictionary<int, List<Node>> readers = [];
        private readonly Dictionary<Node, Node> activations = [];
        private readonly HashSet<Node> taken = [];
        private readonly Dictionary<Node, (Node Activation, int Gradient, Node Normalisation)> backward = [];
        private readonly Dictionary<int, int> map = [];

        public Rewriter(Graph graph)
        {
            foreach (Node node in graph.Nodes)
            {
                foreach (int output in node.Outputs)
                {
                    producers[output] = node;
                }

                foreach (int input in node.Inputs.Where(static input => input >= 0).Distinct())
                {
                    if (!readers.TryGetValue(input, out List<Node> list))
                    {
                        readers.Add(input, list = []);
                    }

                    list.Add(node);
                }
            }

            foreach (Node node in graph.Nodes.Where(static node => node.Op == "batch_norm_train"))
            {
                Match(graph, node);
            }
        }

        public override string Name => "fuse-batch-norm-activation";

        protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder)
        {
            IReadOnlyList<int> results = activations.TryGetValue(node, out Node activation) ? builder.AddNode(node.Op, inputs, With(node.Attributes, activation))
                : taken.Contains(node) ? [inputs[0]]
                : backward.TryGetValue(node, out (Node Activation, int Gradient, Node Normalisation) found) ? builder.AddNode(node.Op, new[] { map[found.Gradient] }.Concat(inputs.Skip(1)).ToEquatableArray(), With(node.Attributes, found.Activation))
                : base.Rewrite(graph, node, inputs, builder);
            for (int i = 0; i < results.Count; i++)
            {
                map[node.Outputs[i]] = results[i];
            }

            return results;
        }

        private static OpAttributes With(OpAttributes attributes, Node activation)
        {
            attributes = attributes.With("activation", activation.Op);
            return activation.Op == "relu" ? attributes : attributes.With("min", activation.Attributes.Double("min")).With("max", activation.Attributes.Double("max"));
        }

        private List<Node> ReadersOf(int value) => readers.TryGetValue(value, out List<Node> list) ? list : [];

        private void Match(Graph graph, Node normalisation)
        {
            int y = normalisation.Outputs[0];
            Node[] candidates = [.. ReadersOf(y).Where(static node => node.Op is "relu" or "clamp")];
            if (candidates.Length != 1 || graph.Outputs.Contains(y))
            {
                return;
            }

            Node activation = candidates[0];
            var masks = new HashSet<Node>();
            Node gradient = ReadersOf(normalisation.Outputs[1]).FirstOrDefault(static node => node.Op == "batch_norm_backward");
            int value = gradient is null ? -1 : gradient.Inputs[0];
            foreach ((string comparison, double bound) in Bounds(activation).Reverse())
            {
                value = value < 0 ? -1 : Unmasked(activation.Op == "relu" ? activation.Outputs[0] : y, value, comparison, bound, masks);
            }

            // The activation before this change is read by nothing else: neither its gradient's masks nor others would see it any more.
            bool complete = gradient is null || value >= 0;
            if (complete && ReadersOf(y).All(node => node == activation || masks.Contains(node)))
            {
                activations.Add(normalisation, activation);
                taken.Add(activation);
                if (gradient is not null)
                {
                    backward.Add(gradient, (activation, value, normalisation));
                }
            }
        }

        private static (string Comparison, double Bound)[] Bounds(Node activation) => activation.Op == "relu"
            ? [("gt", 0)]
            : [.. new[] { ("ge", activation.Attributes.Double("min")), ("le", activation.Attributes.Double("max")) }.Where(static bound => !double.IsInfinity(bound.Item2))];

        /// <summary>The gradient that was multiplied by a mask, where nothing else reads the product and the mask; -1 otherwise.</summary>
        private int Unmasked(int compared, int product, string comparison, double bound, HashSet<Node> masks)
        {
            if (!producers.TryGetValue(product, out Node times) || times.Op != "mul" || ReadersOf(product).Count != 1
                || !producers.TryGetValue(times.Inputs[1], out Node cast) || cast.Op != "cast"
                || !producers.TryGetValue(cast.Inputs[0], out Node mask) || mask.Op != comparison || mask.Inputs[0] != compared
                || !producers.TryGetValue(mask.Inputs[1], out Node constant) || constant.Op != "constant" || constant.Attributes.Double("value") != bound)
            {
                return -1;
            }

            if (ReadersOf(times.Inputs[1]).Count == 1 && ReadersOf(cast.Inputs[0]).Count == 1)
            {
                masks.Add(mask);
            }

            return times.Inputs[0];
        }
    }
}
