using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Passes;

/// <summary>
/// Computes results of forward a second time where backward reads them, instead of keeping them (activation checkpointing; Chen et al., arXiv:1604.06174). Forward is cut into
/// segments: what crosses a cut is kept, and so is all of the last segment, whose backward follows at once.
/// </summary>
/// <remarks>
/// Random numbers are drawn once, and batch statistics are taken and moved once: their results are kept. Precondition: the graph is a training step. Postcondition: the step
/// computes the same numbers. Common subexpressions must not be joined afterwards.
/// </remarks>
/// <param name="cuts">Positions of the nodes after which forward is cut, ascending.</param>
internal sealed class RecomputeForward(IReadOnlyList<int> cuts) : IGraphPass
{
    public string Name => "recompute-forward";

    public Graph Run(Graph graph) => cuts.Count == 0 ? graph : new Rewriter(new ForwardHalf(graph), cuts).Run();

    /// <summary>
    /// Ways to cut a training step, from few segments to many. For a bound on what one segment keeps, the cuts are those that the fewest bytes cross; the bound goes down from
    /// half of all.
    /// </summary>
    /// <param name="step">The training step.</param>
    /// <param name="sizes">Values of the named sizes.</param>
    /// <returns>Positions of cuts, one list per way.</returns>
    public static IReadOnlyList<int[]> Plans(Graph step, IReadOnlyDictionary<string, long> sizes)
    {
        var forward = new ForwardHalf(step);
        long[] kept = new long[forward.Loss + 2];
        long[] crossing = new long[forward.Loss + 1];
        foreach (Storage storage in forward.Storages)
        {
            long bytes = step.TypeOf(storage.Value).Bytes.Evaluate(sizes);
            if (storage.IsReadByBackward && forward.CanRunAgain(storage.Value))
            {
                kept[storage.Born + 1] += bytes;
            }

            for (int position = storage.Born; position < storage.LastForward; position++)
            {
                crossing[position] += bytes;
            }
        }

        for (int i = 1; i < kept.Length; i++)
        {
            kept[i] += kept[i - 1];
        }

        var plans = new List<int[]>();
        foreach (int parts in new[] { 2, 3, 4, 6, 8, 12, 16, 24, 32 })
        {
            int[] plan = Cut(kept, crossing, kept[kept.Length - 1] / parts);
            if (plan.Length > 0 && !plans.Any(plan.SequenceEqual))
            {
                plans.Add(plan);
            }
        }

        return plans;
    }

    /// <summary>The cuts with the fewest bytes in all whose segments keep at most so many bytes; a single node may keep more.</summary>
    private static int[] Cut(long[] kept, long[] crossing, long most)
    {
        // best[i]: bytes of the cuts of the first i nodes, the last cut being after node i - 1.
        int nodes = crossing.Length;
        long[] best = new long[nodes + 1];
        int[] previous = new int[nodes + 1];
        for (int end = 1; end <= nodes; end++)
        {
            best[end] = long.MaxValue;
            for (int start = end - 1; start >= 0 && (start == end - 1 || kept[end] - kept[start] <= most); start--)
            {
                long bytes = best[start] + (end == nodes ? 0 : crossing[end - 1] + 1);
                if (bytes < best[end])
                {
                    (best[end], previous[end]) = (bytes, start);
                }
            }
        }

        var cuts = new List<int>();
        for (int end = previous[nodes]; end > 0; end = previous[end])
        {
            cuts.Insert(0, end - 1);
        }

        return [.. cuts];
    }

    /// <summary>Memory that forward fills, with all its views.</summary>
    /// <param name="Value">The value that owns it.</param>
    /// <param name="Born">Position of the node that fills it.</param>
    /// <param name="LastForward">Position of the last node of forward that reads it.</param>
    /// <param name="IsReadByBackward">Whether a later node reads it.</param>
    private sealed record Storage(int Value, int Born, int LastForward, bool IsReadByBackward);

    /// <summary>What forward, the nodes up to the loss, computes, and who reads it.</summary>
    private sealed class ForwardHalf
    {
        private readonly int[] producer;
        private readonly int[] owner;
        private readonly Dictionary<int, Storage> storages = [];

        public ForwardHalf(Graph graph)
        {
            Graph = graph;
            producer = new int[graph.Values.Count];
            owner = [.. Enumerable.Range(0, graph.Values.Count)];
            for (int i = 0; i < producer.Length; i++)
            {
                producer[i] = -1;
            }

            for (int i = 0; i < graph.Nodes.Count; i++)
            {
                Node node = graph.Nodes[i];
                int viewed = OpRegistry.Get(node.Op).ViewOf;
                foreach (int output in node.Outputs)
                {
                    producer[output] = i;
                    owner[output] = viewed >= 0 ? owner[node.Inputs[viewed]] : output;
                }
            }

            Loss = producer[graph.Outputs[0]];
            foreach (int value in Enumerable.Range(0, owner.Length).Where(value => producer[value] >= 0 && producer[value] <= Loss && owner[value] == value && graph.Nodes[producer[value]].Op != "constant"))
            {
                storages.Add(value, new Storage(value, producer[value], producer[value], false));
            }

            for (int i = 0; i < graph.Nodes.Count; i++)
            {
                foreach (int input in graph.Nodes[i].Inputs.Where(static input => input >= 0))
                {
                    if (storages.TryGetValue(owner[input], out Storage storage))
                    {
                        storages[owner[input]] = i > Loss ? storage with { IsReadByBackward = true } : storage with { LastForward = Math.Max(storage.LastForward, i) };
                    }
                }
            }
        }

        public Graph Graph { get; }

        /// <summary>Position of the node that computes the loss.</summary>
        public int Loss { get; }

        public IEnumerable<Storage> Storages => storages.Values;

        public int ProducerOf(int value) => producer[value];

        /// <summary>The memory of a value; null for weights, inputs, constants and what backward computes.</summary>
        public Storage? StorageOf(int value) => storages.TryGetValue(owner[value], out Storage storage) ? storage : null;

        /// <summary>Whether computing a value again gives the same: what moved statistics or drew numbers is done once.</summary>
        public bool CanRunAgain(int value)
        {
            Node node = Graph.Nodes[producer[value]];
            return !OpRegistry.Get(node.Op).HasSideEffect || IsBatchNormResult(node, value);
        }

        /// <summary>Given the statistics, the result of batch normalisation can be computed without moving them.</summary>
        public static bool IsBatchNormResult(Node node, int value) => node.Op == "batch_norm_train" && node.Outputs[0] == value;
    }

    private sealed class Rewriter(ForwardHalf forward, IReadOnlyList<int> cuts)
    {
        private readonly Graph graph = forward.Graph;
        private readonly GraphBuilder builder = new(forward.Graph.Name);
        private readonly int[] map = new int[forward.Graph.Values.Count];
        private readonly Dictionary<int, int> again = [];
        private readonly Dictionary<(int Value, int After), int> checkpoints = [];

        public Graph Run()
        {
            for (int i = 0; i < map.Length; i++)
            {
                map[i] = graph.Values[i].Kind == ValueKind.Intermediate ? -1 : builder.AddValue(graph.Values[i].Name, graph.Values[i].Type, graph.Values[i].Kind);
            }

            int latest = -1;
            for (int i = 0; i < graph.Nodes.Count; i++)
            {
                Node node = graph.Nodes[i];
                int[] inputs = [.. node.Inputs.Select(input => input < 0 ? -1 : map[input])];
                if (i > forward.Loss)
                {
                    // What is computed again waits for the gradient that it is needed with, or it would run, and be kept, since forward.
                    int gradient = node.Inputs.FirstOrDefault(input => input >= 0 && forward.ProducerOf(input) > forward.Loss && graph.Nodes[forward.ProducerOf(input)].Op != "constant") is int found and > 0 ? map[found] : latest;
                    for (int input = 0; input < inputs.Length; input++)
                    {
                        if (node.Inputs[input] >= 0 && RunsAgain(node.Inputs[input]))
                        {
                            inputs[input] = Again(node.Inputs[input], gradient);
                        }
                    }
                }

                builder.Layer = node.Layer;
                builder.Source = node.Source;
                EquatableArray<int> results = builder.AddNode(node.Op, inputs, node.Attributes);
                for (int output = 0; output < results.Count; output++)
                {
                    map[node.Outputs[output]] = results[output];
                    builder.NameValue(results[output], graph.Values[node.Outputs[output]].Name);
                }

                latest = i >= forward.Loss && results.Count > 0 && node.Op != "constant" ? results[0] : latest;
            }

            return builder.Build([.. graph.Outputs.Select(output => map[output])]);
        }

        private int SegmentOf(int node) => cuts.Count(cut => cut < node);

        /// <summary>Whether backward computes a value of forward again.</summary>
        private bool RunsAgain(int value) =>
            forward.StorageOf(value) is Storage storage && forward.ProducerOf(value) <= forward.Loss
            && SegmentOf(storage.Born) < cuts.Count
            && SegmentOf(storage.LastForward) == SegmentOf(storage.Born)
            && !graph.Outputs.Contains(storage.Value)
            && forward.CanRunAgain(storage.Value) && forward.CanRunAgain(value);

        private int Again(int value, int gradient)
        {
            if (again.TryGetValue(value, out int result))
            {
                return result;
            }

            Node node = graph.Nodes[forward.ProducerOf(value)];
            (string layer, string source) = (builder.Layer, builder.Source);
            if (ForwardHalf.IsBatchNormResult(node, value))
            {
                int[] operands = [Operand(node.Inputs[0], gradient), .. node.Inputs.Skip(1).Take(2).Select(input => input < 0 ? -1 : map[input]), map[node.Outputs[1]], map[node.Outputs[2]]];
                Label(node);
                again[value] = builder.Add("batch_norm_apply", operands);
            }
            else
            {
                int[] operands = [.. node.Inputs.Select(input => input < 0 ? -1 : Operand(input, gradient))];
                Label(node);
                EquatableArray<int> results = builder.AddNode(node.Op, operands, node.Attributes);
                for (int i = 0; i < results.Count; i++)
                {
                    again[node.Outputs[i]] = results[i];
                }
            }

            builder.NameValue(again[value], graph.Values[value].Name.Length == 0 ? "" : graph.Values[value].Name + "_again");
            (builder.Layer, builder.Source) = (layer, source);
            return again[value];
        }

        private void Label(Node node)
        {
            builder.Layer = node.Layer;
            builder.Source = (node.Source.Length > 0 ? node.Source : node.Layer) + ", again";
        }

        private int Operand(int value, int gradient)
        {
            if (RunsAgain(value))
            {
                return Again(value, gradient);
            }

            // Weights and constants are there in any case, and masks are drawn where they are used.
            if (forward.StorageOf(value) is null || OpRegistry.Get(graph.Nodes[forward.ProducerOf(value)].Op).HasSideEffect)
            {
                return map[value];
            }

            if (!checkpoints.TryGetValue((value, gradient), out int checkpoint))
            {
                checkpoints.Add((value, gradient), checkpoint = builder.Add("checkpoint", [map[value], gradient]));
            }

            return checkpoint;
        }
    }
}
