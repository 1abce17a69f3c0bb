namespace ModelGen.Compiler.Ir;

/// <summary>Prints a graph in the stable text form that pass tests compare.</summary>
internal static class GraphPrinter
{
    public static string Print(Graph graph)
    {
        var writer = new IndentedWriter();
        string inputs = string.Join(", ", graph.ValuesOf(ValueKind.Input).Concat(graph.ValuesOf(ValueKind.Target)).Select(index => $"{Reference(graph, index)}: {graph.TypeOf(index)}"));
        using (writer.Braces($"graph {graph.Name}({inputs})"))
        {
            foreach (int index in graph.ValuesOf(ValueKind.Parameter).Concat(graph.ValuesOf(ValueKind.Buffer)))
            {
                writer.Line($"{(graph.Values[index].Kind == ValueKind.Parameter ? "param" : "buffer")} {Reference(graph, index)}: {graph.TypeOf(index)}");
            }

            foreach (Node node in graph.Nodes)
            {
                writer.Line(Print(graph, node));
            }

            writer.Line("return " + string.Join(", ", graph.Outputs.Select(index => Reference(graph, index))));
        }

        return writer.ToString();
    }

    public static string Print(Graph graph, Node node)
    {
        string results = string.Join(", ", node.Outputs.Select(index => Reference(graph, index)));
        string operands = string.Join(", ", node.Inputs.Select(index => index < 0 ? "none" : Reference(graph, index)));
        string attributes = node.Attributes.Entries.Count == 0 ? "" : $" {{{node.Attributes}}}";
        string types = string.Join(", ", node.Outputs.Select(index => graph.TypeOf(index).ToString()));
        return $"{results} = {node.Op}({operands}){attributes} : {types}";
    }

    private static string Reference(Graph graph, int index) => graph.Values[index].Kind switch
    {
        ValueKind.Parameter or ValueKind.Buffer => "@" + graph.Values[index].Name,
        ValueKind.Intermediate => "%" + Invariant.Text(index),
        _ => "%" + graph.Values[index].Name,
    };
}
