using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Passes;

/// <summary>Removes nodes whose results nobody reads, and the values they leave behind. Nodes with side effects and all parameters stay.</summary>
internal sealed class DeadCode : IGraphPass
{
    public string Name => "dead-code";

    public Graph Run(Graph graph)
    {
        bool[] live = new bool[graph.Values.Count];
        foreach (int output in graph.Outputs)
        {
            live[output] = true;
        }

        var kept = new List<Node>();
        foreach (Node node in graph.Nodes.Reverse())
        {
            if (OpRegistry.Get(node.Op).HasSideEffect || node.Outputs.Any(output => live[output]))
            {
                kept.Add(node);
                foreach (int input in node.Inputs.Where(static input => input >= 0))
                {
                    live[input] = true;
                }
            }
        }

        kept.Reverse();
        return Compact(graph, kept);
    }

    private static Graph Compact(Graph graph, List<Node> kept)
    {
        var defined = new HashSet<int>(kept.SelectMany(static node => node.Outputs));
        int[] map = new int[graph.Values.Count];
        var values = new List<Value>();
        for (int i = 0; i < map.Length; i++)
        {
            map[i] = values.Count;
            if (graph.Values[i].Kind != ValueKind.Intermediate || defined.Contains(i))
            {
                values.Add(graph.Values[i]);
            }
        }

        EquatableArray<int> Mapped(EquatableArray<int> indices) => indices.Select(index => index < 0 ? -1 : map[index]).ToEquatableArray();
        return graph with
        {
            Values = values.ToEquatableArray(),
            Nodes = kept.Select(node => node with { Inputs = Mapped(node.Inputs), Outputs = Mapped(node.Outputs) }).ToEquatableArray(),
            Outputs = Mapped(graph.Outputs),
        };
    }
}
