using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Passes;

/// <summary>When each intermediate value dies, and how much memory is alive at the worst moment.</summary>
internal sealed class Liveness
{
    private readonly Graph graph;
    private readonly int[] lastUse;

    public Liveness(Graph graph)
    {
        this.graph = graph;
        lastUse = Enumerable.Repeat(-1, graph.Values.Count).ToArray();
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            foreach (int value in graph.Nodes[i].Outputs.Concat(graph.Nodes[i].Inputs).Where(static value => value >= 0))
            {
                lastUse[value] = i;
            }
        }

        foreach (int output in graph.Outputs)
        {
            lastUse[output] = int.MaxValue;
        }
    }

    /// <summary>The intermediate values that nothing reads after the node at this position.</summary>
    public IEnumerable<int> DyingAt(int position) =>
        graph.Nodes[position].Inputs.Concat(graph.Nodes[position].Outputs)
            .Where(value => value >= 0 && lastUse[value] == position && graph.Values[value].Kind == ValueKind.Intermediate)
            .Distinct();

    /// <summary>Largest number of bytes of intermediates alive at once for given sizes; views cost nothing but keep their source alive.</summary>
    public long PeakBytes(IReadOnlyDictionary<string, long> sizes)
    {
        int[] owner = [.. Enumerable.Range(0, graph.Values.Count)];
        int[] death = [.. lastUse];
        long[] bytes = new long[graph.Values.Count];
        foreach (Node node in graph.Nodes)
        {
            int viewed = OpRegistry.Get(node.Op).ViewOf;
            foreach (int output in node.Outputs)
            {
                bytes[output] = graph.TypeOf(output).Bytes.Evaluate(sizes);
                if (viewed >= 0)
                {
                    owner[output] = owner[node.Inputs[viewed]];
                    death[owner[output]] = Math.Max(death[owner[output]], lastUse[output]);
                }
            }
        }

        long alive = 0;
        long peak = 0;
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            alive += graph.Nodes[i].Outputs.Where(output => owner[output] == output).Sum(output => bytes[output]);
            peak = Math.Max(peak, alive);
            alive -= Enumerable.Range(0, owner.Length).Where(value => death[value] == i && owner[value] == value && graph.Values[value].Kind == ValueKind.Intermediate).Sum(value => bytes[value]);
        }

        return peak;
    }
}
