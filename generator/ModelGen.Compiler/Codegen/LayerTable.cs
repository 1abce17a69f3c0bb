using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Models;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Codegen;

/// <summary>A row of the summary: one call of a layer.</summary>
internal sealed record LayerRow(string Path, string Type, TensorType Input, TensorType Output, long Parameters, Dim Flops);

/// <summary>What documentation and the summary say of layers and memory, computed from the forward graph.</summary>
internal static class LayerTable
{
    public static IReadOnlyList<LayerRow> Rows(ModelSpec spec, IReadOnlyDictionary<string, string> typeOfPath)
    {
        Graph graph = spec.Graph!;
        var rows = new List<LayerRow>();
        var counted = new HashSet<string>(StringComparer.Ordinal);
        for (int i = 0; i < graph.Nodes.Count;)
        {
            int start = i;
            string path = graph.Nodes[i].Layer;
            while (i < graph.Nodes.Count && graph.Nodes[i].Layer == path && (i == start || graph.Nodes[i].Source == graph.Nodes[start].Source))
            {
                i++;
            }

            Node[] group = [.. graph.Nodes.Skip(start).Take(i - start).Where(static node => node.Op != "constant")];
            if (group.Length > 0)
            {
                rows.Add(Row(graph, group, path, typeOfPath, first: path.Length > 0 && counted.Add(path)));
            }
        }

        return rows;
    }

    public static Dim Flops(Graph graph, Node node) =>
        OpRegistry.Get(node.Op).Flops(OpContext.Of(graph, node), node.Outputs.Select(graph.TypeOf).ToEquatableArray());

    private static LayerRow Row(Graph graph, Node[] group, string path, IReadOnlyDictionary<string, string> typeOfPath, bool first)
    {
        long parameters = !first ? 0 : graph.ValuesOf(ValueKind.Parameter)
            .Where(value => graph.Values[value].Name == path || graph.Values[value].Name.StartsWith(path + ".", StringComparison.Ordinal))
            .Sum(value => graph.TypeOf(value).Count.Constant!.Value);
        Dim flops = group.Aggregate(Dim.Zero, (sum, node) => sum + Flops(graph, node));
        int input = group[0].Inputs.Where(value => value >= 0).OrderBy(value => graph.Values[value].Kind is ValueKind.Parameter or ValueKind.Buffer).DefaultIfEmpty(-1).First();
        TensorType output = graph.TypeOf(group[group.Length - 1].Outputs[0]);
        string type = path.Length == 0 ? string.Join(", ", group.Select(static node => node.Op).Distinct()) : typeOfPath.TryGetValue(path, out string known) ? known : "";
        return new LayerRow(path, type, input < 0 ? output : graph.TypeOf(input), output, parameters, flops);
    }
}
