using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Passes;

/// <summary>
/// Replaces attention that is written out, <c>dropout(softmax(mask(q kᵀ * scale))) v</c>, by one operator, whichever layer, function or user's code wrote it. Masks are
/// numbers that are added, or minus infinity by <c>masked_fill</c> or <c>where</c>; they must not be learned. Probabilities that something else reads stay as they are.
/// </summary>
internal sealed class FuseAttention : IGraphPass
{
    public string Name => "fuse-attention";

    public Graph Run(Graph graph) => graph.Nodes.Any(static node => node.Op == "softmax") ? new Rewriter(graph).Run(graph) : graph;

    /// <summary>A score that swallows any other which is added to it, in float32 and in float64.</summary>
    private const double Nothing = -1e30;

    /// <summary>A mask: one that hides later keys, numbers that are added, or elements that are hidden where a condition is (not) true.</summary>
    private sealed record Mask(bool Causal, int Added = -1, int Condition = -1, bool HidesWhere = true, double Hidden = double.NegativeInfinity);

    private sealed record Match(int Q, int Transposed, int V, double Scale, IReadOnlyList<Mask> Masks, int Dropped);

    private sealed class Rewriter : GraphRewriter
    {
        private readonly Graph graph;
        private readonly Dictionary<int, Node> producers = [];
        private readonly int[] reads;
        private readonly HashSet<int> learned = [];
        private readonly Dictionary<Node, Match> matches = [];
        private readonly Dictionary<int, int> map = [];

        public Rewriter(Graph graph)
        {
            this.graph = graph;
            reads = new int[graph.Values.Count];
            learned.UnionWith(graph.ValuesOf(ValueKind.Parameter));
            foreach (int output in graph.Outputs)
            {
                reads[output]++;
            }

            foreach (Node node in graph.Nodes)
            {
                foreach (int input in node.Inputs.Where(static input => input >= 0))
                {
                    reads[input]++;
                }

                bool depends = node.Inputs.Any(learned.Contains);
                foreach (int output in node.Outputs)
                {
                    producers[output] = node;
                    if (depends)
                    {
                        learned.Add(output);
                    }
                }
            }

            foreach (Node node in graph.Nodes.Where(static node => node.Op == "matmul"))
            {
                if (Find(node) is { } match)
                {
                    matches.Add(node, match);
                }
            }
        }

        public override string Name => "fuse-attention";

        protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder)
        {
            IReadOnlyList<int> results = matches.TryGetValue(node, out Match match) ? [Fused(node, match, builder)] : base.Rewrite(graph, node, inputs, builder);
            for (int i = 0; i < results.Count; i++)
            {
                map[node.Outputs[i]] = results[i];
            }

            return results;
        }

        private Node? Producer(int value, string op) => producers.TryGetValue(value, out Node node) && node.Op == op ? node : null;

        private double? Constant(int value) => Producer(value, "constant")?.Attributes.Double("value");

        /// <summary>What made a value that only the next operator reads, reshapes and permutations that change nothing aside.</summary>
        private Node? Single(int value)
        {
            while (reads[value] == 1 && producers.TryGetValue(value, out Node node))
            {
                bool same = (node.Op == "reshape" && graph.TypeOf(node.Inputs[0]).Equals(graph.TypeOf(value)))
                    || (node.Op == "permute" && node.Attributes.Ints("order").Select(static (axis, index) => axis == index).All(static stays => stays));
                if (!same)
                {
                    return node;
                }

                value = node.Inputs[0];
            }

            return null;
        }

        private Match? Find(Node product)
        {
            int rank = graph.TypeOf(product.Outputs[0]).Rank;
            if (rank is not (3 or 4) || Single(product.Inputs[0]) is not Node node)
            {
                return null;
            }

            int dropped = -1;
            if (node.Op == "mul" && Producer(node.Inputs[1], "dropout_mask") is not null && reads[node.Inputs[1]] == 1)
            {
                dropped = node.Inputs[1];
                if (Single(node.Inputs[0]) is not Node before)
                {
                    return null;
                }

                node = before;
            }

            if (node.Op != "softmax" || node.Attributes.Int("axis") != rank - 1)
            {
                return null;
            }

            var masks = new List<Mask>();
            TensorType scores = graph.TypeOf(node.Outputs[0]);
            if (scores.Rank != rank || scores.DType is not (DType.Float32 or DType.Float64))
            {
                return null;
            }

            double scale = 1;
            while (Single(node.Inputs[0]) is Node next)
            {
                if (next.Op == "matmul")
                {
                    return Matched(next, product, scores, scale, masks, dropped);
                }

                if (scale != 1)
                {
                    // A mask between the product and its scale would be scaled too.
                    if (Scale(next) is null)
                    {
                        return null;
                    }
                }

                if (Scale(next) is double factor)
                {
                    scale *= factor;
                    node = next;
                }
                else if (MaskOf(next, scores, out int masked) is Mask mask)
                {
                    masks.Add(mask);
                    node = next with { Inputs = new[] { masked } };
                }
                else
                {
                    return null;
                }
            }

            return null;
        }

        private double? Scale(Node node) => node.Op switch
        {
            "mul" => Constant(node.Inputs[1]),
            "div" => 1 / Constant(node.Inputs[1]),
            _ => null,
        };

        private Mask? MaskOf(Node node, TensorType scores, out int masked)
        {
            masked = node.Inputs[0];
            switch (node.Op)
            {
                case "masked_fill" when node.Attributes.Double("value") <= Nothing:
                    return Producer(node.Inputs[1], "causal_mask") is not null ? new Mask(Causal: true) : new Mask(Causal: false, Condition: node.Inputs[1], Hidden: node.Attributes.Double("value"));
                case "where" when Hidden(node.Inputs[2]) is double hidden && graph.TypeOf(node.Inputs[1]).Equals(scores):
                    masked = node.Inputs[1];
                    return IsLowerTriangle(node.Inputs[0]) ? new Mask(Causal: true) : new Mask(Causal: false, Condition: node.Inputs[0], HidesWhere: false, Hidden: hidden);
                case "where" when Hidden(node.Inputs[1]) is double hidden && graph.TypeOf(node.Inputs[2]).Equals(scores):
                    masked = node.Inputs[2];
                    return new Mask(Causal: false, Condition: node.Inputs[0], Hidden: hidden);
                case "add" when graph.TypeOf(node.Inputs[0]).Equals(scores) && !learned.Contains(node.Inputs[1]) && Constant(node.Inputs[1]) is null && graph.TypeOf(node.Inputs[1]).DType == scores.DType:
                    return new Mask(Causal: false, Added: node.Inputs[1]);
                default:
                    return null;
            }
        }

        /// <summary>The number that a tensor is filled with when scores of it are as good as none.</summary>
        private double? Hidden(int value) => (Constant(value) ?? Producer(value, "full")?.Attributes.Double("value")) is double number && number <= Nothing ? number : null;

        /// <summary>True on and below the diagonal of a square.</summary>
        private bool IsLowerTriangle(int condition)
        {
            Node? node = Producer(condition, "tril");
            return node is not null && node.Attributes.Int("diagonal") == 0 && Producer(node.Inputs[0], "full")?.Attributes.Double("value") == 1
                && graph.TypeOf(condition).Shape is { Count: 2 } shape && shape[0].Equals(shape[1]);
        }

        private Match? Matched(Node scoring, Node product, TensorType scores, double scale, List<Mask> masks, int dropped)
        {
            (TensorType q, TensorType transposed, TensorType v) = (graph.TypeOf(scoring.Inputs[0]), graph.TypeOf(scoring.Inputs[1]), graph.TypeOf(product.Inputs[1]));
            int rank = scores.Rank;
            bool fits = q.Rank == rank && transposed.Rank == rank && v.Rank == rank
                && Enumerable.Range(0, rank - 2).All(axis => q.Shape[axis].Equals(transposed.Shape[axis]) && q.Shape[axis].Equals(v.Shape[axis]))
                && graph.TypeOf(scoring.Outputs[0]).Equals(scores) && (dropped < 0 || graph.TypeOf(dropped).Equals(scores));

            // Later keys are hidden as in the first rows of a square.
            fits &= !masks.Any(static mask => mask.Causal) || scores.Shape[rank - 2].Equals(scores.Shape[rank - 1]);
            return fits ? new Match(scoring.Inputs[0], scoring.Inputs[1], product.Inputs[1], scale, masks, dropped) : null;
        }

        private int Fused(Node product, Match match, GraphBuilder builder)
        {
            int Mapped(int value) => graph.Values[value].Kind == ValueKind.Intermediate ? map[value] : graph.Values.Take(value).Count(static earlier => earlier.Kind != ValueKind.Intermediate);
            int added = -1;
            foreach (Mask mask in match.Masks.Where(static mask => !mask.Causal))
            {
                int next = mask.Added >= 0 ? Mapped(mask.Added) : Numbers(builder, Mapped(mask.Condition), mask, builder.TypeOf(Mapped(match.Q)).DType);
                added = added < 0 ? next : builder.Plus(added, next);
            }

            int dropped = match.Dropped < 0 ? -1 : Mapped(match.Dropped);
            int[] operands = [Mapped(match.Q), Keys(builder, match.Transposed, Mapped), Mapped(match.V), added, dropped];
            return builder.AddNode("attention", operands, OpAttributes.Of(("scale", match.Scale), ("causal", match.Masks.Any(static mask => mask.Causal))))[0];
        }

        /// <summary>Keys by rows: what was turned to columns is taken as it was before.</summary>
        private int Keys(GraphBuilder builder, int transposed, Func<int, int> mapped)
        {
            if (Producer(transposed, "permute") is not Node node)
            {
                return builder.Transposed(mapped(transposed));
            }

            long[] order = node.Attributes.Ints("order").ToArray();
            (order[order.Length - 1], order[order.Length - 2]) = (order[order.Length - 2], order[order.Length - 1]);
            int keys = mapped(node.Inputs[0]);
            return order.Select(static (axis, index) => axis == index).All(static stays => stays) ? keys : builder.Permute(keys, order);
        }

        /// <summary>0 and what hides a score instead of a condition.</summary>
        private static int Numbers(GraphBuilder builder, int condition, Mask mask, DType type)
        {
            int zero = builder.Constant(0, type);
            int hidden = builder.Constant(mask.Hidden, type);
            return builder.Add("where", mask.HidesWhere ? [condition, hidden, zero] : [condition, zero, hidden]);
        }
    }
}
