using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Models;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Codegen;

/// <summary>A row of the summary: one call of a layer.</summary>
internal sealed record LayerRow(string Path, string Type, TensorType Input, TensorType Output, long Parameters, Dim Flops)
{
    /// <summary>Rows whose results this one reads, in the order of its operands; -1 stands for the model's inputs.</summary>
    public IReadOnlyList<int> Reads { get; init; } = [];
}

/// <summary>What documentation and the summary say of layers and memory, computed from the forward graph.</summary>
internal static class LayerTable
{
    public static IReadOnlyList<LayerRow> Rows(ModelSpec spec, IReadOnlyDictionary<string, string> typeOfPath)
    {
        Graph graph = spec.Graph!;
        var groups = new List<Node[]>();
        for (int i = 0; i < graph.Nodes.Count;)
        {
            int start = i;
            while (i < graph.Nodes.Count && graph.Nodes[i].Layer == graph.Nodes[start].Layer && (i == start || graph.Nodes[i].Source == graph.Nodes[start].Source))
            {
                i++;
            }

            Node[] group = [.. graph.Nodes.Skip(start).Take(i - start).Where(static node => node.Op != "constant")];
            if (group.Length > 0)
            {
                groups.Add(group);
            }
        }

        long[] parameters = Parameters(graph, groups, out long unread);
        Dictionary<int, int> rowOf = groups.SelectMany(static (group, index) => group.SelectMany(static node => node.Outputs).Select(value => (value, index))).ToDictionary(static pair => pair.value, static pair => pair.index);
        List<LayerRow> rows = [.. groups.Select((group, index) => Row(graph, group, typeOfPath, parameters[index]) with { Reads = Reads(graph, group, index, rowOf) })];
        if (unread > 0)
        {
            TensorType none = new(DType.Float32, []);
            rows.Add(new LayerRow("", "parameters that forward does not read", none, none, unread, Dim.Zero));
        }

        return rows;
    }

    private static int[] Reads(Graph graph, Node[] group, int row, Dictionary<int, int> rowOf) =>
    [
        .. group.SelectMany(static node => node.Inputs).Where(static value => value >= 0)
            .Select(value => rowOf.TryGetValue(value, out int other) ? other : graph.Values[value].Kind == ValueKind.Input ? -1 : row)
            .Where(other => other != row).Distinct(),
    ];

    /// <summary>Counts every parameter once: in the first row of the layer whose key is the longest beginning of its own, else in the first row that reads it.</summary>
    private static long[] Parameters(Graph graph, List<Node[]> groups, out long unread)
    {
        var ofLayer = new Dictionary<string, int>(StringComparer.Ordinal);
        var ofReader = new Dictionary<int, int>();
        for (int row = groups.Count - 1; row >= 0; row--)
        {
            ofLayer[groups[row][0].Layer] = row;
            foreach (int input in groups[row].SelectMany(static node => node.Inputs))
            {
                ofReader[input] = row;
            }
        }

        var counts = new long[groups.Count];
        unread = 0;
        foreach (int value in graph.ValuesOf(ValueKind.Parameter))
        {
            long count = graph.TypeOf(value).Count.Constant!.Value;
            int row = -1;
            for (string path = graph.Values[value].Name; path.Length > 0 && row < 0; path = path.Substring(0, Math.Max(path.LastIndexOf('.'), 0)))
            {
                row = ofLayer.TryGetValue(path, out int found) ? found : -1;
            }

            row = row >= 0 ? row : ofReader.TryGetValue(value, out int reader) ? reader : -1;
            if (row < 0)
            {
                unread += count;
            }
            else
            {
                counts[row] += count;
            }
        }

        return counts;
    }

    public static Dim Flops(Graph graph, Node node) =>
        OpRegistry.Get(node.Op).Flops(OpContext.Of(graph, node), node.Outputs.Select(graph.TypeOf).ToEquatableArray());

    private static LayerRow Row(Graph graph, Node[] group, IReadOnlyDictionary<string, string> typeOfPath, long parameters)
    {
        string path = group[0].Layer;
        Dim flops = group.Aggregate(Dim.Zero, (sum, node) => sum + Flops(graph, node));
        int input = group[0].Inputs.Where(value => value >= 0).OrderBy(value => graph.Values[value].Kind is ValueKind.Parameter or ValueKind.Buffer).DefaultIfEmpty(-1).First();
        TensorType output = graph.TypeOf(group[group.Length - 1].Outputs[0]);
        string type = path.Length == 0 ? string.Join(", ", group.Select(static node => node.Op).Distinct()) : typeOfPath.TryGetValue(path, out string known) ? known : "";
        return new LayerRow(path, type, input < 0 ? output : graph.TypeOf(input), output, parameters, flops);
    }
}
