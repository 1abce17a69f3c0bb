using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;
using ModelGen.Compiler.Passes;

namespace ModelGen.Compiler.Codegen;

/// <summary>
/// Writes the statements of a graph: one per node, grouped under the user's expressions, every intermediate disposed right after its last use.
/// </summary>
internal sealed class CSharpBody
{
    private readonly Graph graph;
    private readonly NameAllocator names;
    private readonly Dictionary<int, string> variables = [];
    private readonly Dictionary<int, double> constants = [];
    private readonly HashSet<int> materialized = [];
    private readonly Dictionary<int, List<Node>> readers = [];
    private readonly HashSet<int> outputs = [];
    private readonly Dictionary<string, int> nodesOfLayer = new(StringComparer.Ordinal);
    private readonly Liveness liveness;
    private string group = "";

    /// <summary>Prepares the statements.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="names">Names in scope.</param>
    /// <param name="leaf">C# text of inputs, parameters and buffers.</param>
    public CSharpBody(Graph graph, NameAllocator names, Func<int, string> leaf)
    {
        this.graph = graph;
        this.names = names;
        liveness = new Liveness(graph);
        for (int i = 0; i < graph.Values.Count; i++)
        {
            if (graph.Values[i].Kind != ValueKind.Intermediate)
            {
                variables[i] = leaf(i);
            }
        }

        foreach (Node node in graph.Nodes)
        {
            if (node.Op == "constant")
            {
                constants[node.Outputs[0]] = node.Attributes.Double("value");
            }

            nodesOfLayer[node.Layer] = nodesOfLayer.TryGetValue(node.Layer, out int nodes) ? nodes + 1 : 1;
            foreach (int input in node.Inputs)
            {
                if (!readers.TryGetValue(input, out List<Node> list))
                {
                    readers.Add(input, list = []);
                }

                list.Add(node);
            }
        }

        foreach (int output in graph.Outputs)
        {
            outputs.Add(output);
        }
    }

    public string NameOf(int value) => variables[value];

    /// <summary>Writes the nodes chosen (all by default).</summary>
    public void Write(IndentedWriter writer, Func<Node, bool>? include = null, bool dispose = true)
    {
        for (int i = 0; i < graph.Nodes.Count; i++)
        {
            Node node = graph.Nodes[i];
            if (include?.Invoke(node) == false)
            {
                continue;
            }

            if (node.Op == "constant")
            {
                if (NeedsTensor(node.Outputs[0]))
                {
                    materialized.Add(node.Outputs[0]);
                    WriteNode(writer, node);
                }

                continue;
            }

            WriteComment(writer, node);
            WriteNode(writer, node);
            if (dispose)
            {
                string[] dead = [.. liveness.DyingAt(i).Where(value => variables.ContainsKey(value) && (!constants.ContainsKey(value) || materialized.Contains(value))).Select(NameOf)];
                if (dead.Length > 0)
                {
                    writer.Line(string.Join(" ", dead.Select(static name => name + ".Dispose();")));
                }
            }
        }
    }

    private void WriteComment(IndentedWriter writer, Node node)
    {
        string title = node.Source.Length == 0 ? node.Layer : node.Source;
        if (title != group)
        {
            group = title;
            writer.Line();
            writer.Line("// " + title);
        }
    }

    private void WriteNode(IndentedWriter writer, Node node)
    {
        OpDefinition op = OpRegistry.Get(node.Op);
        CSharpContext context = CSharpContext.Of(graph, node, NameOf, value => constants.TryGetValue(value, out double number) && !materialized.Contains(value) ? number : null, value => outputs.Contains(value) || readers.ContainsKey(value));
        string expression = op.EmitCSharp(context);
        int count = op.EmittedResults(context, node.Outputs.Count);
        string[] results = [.. node.Outputs.Take(count).Select(output => variables[output] = names.Unique(WantedName(node, output)))];
        if (op.ReturnsArray)
        {
            string array = names.Unique(node.Op + "_results");
            writer.Line($"Tensor[] {array} = {expression};");
            for (int i = 0; i < results.Length; i++)
            {
                writer.Line($"Tensor {results[i]} = {array}[{Invariant.Text(i)}];   // {graph.TypeOf(node.Outputs[i])}");
            }

            return;
        }

        string types = string.Join(", ", node.Outputs.Take(count).Select(output => graph.TypeOf(output).ToString()));
        writer.Line(results.Length switch
        {
            0 => $"{expression};",
            1 => $"Tensor {results[0]} = {expression};   // {types}",
            _ => $"({string.Join(", ", results.Select(static result => "Tensor " + result))}) = {expression};   // {types}",
        });
    }

    /// <summary>The user's variable, else the layer, else the operator.</summary>
    private string WantedName(Node node, int output)
    {
        bool only = node.Layer.Length > 0 && nodesOfLayer[node.Layer] == 1;
        return graph.Values[output].Name.Length > 0 ? graph.Values[output].Name : only ? node.Layer : node.Op;
    }

    /// <summary>Whether a constant is read where a literal cannot stand.</summary>
    private bool NeedsTensor(int constant) =>
        outputs.Contains(constant) || (readers.TryGetValue(constant, out List<Node> nodes) && nodes.Any(node => !TakesLiteral(node, constant)));

    private bool TakesLiteral(Node node, int constant) => OpRegistry.Get(node.Op) switch
    {
        // At least one operand must be a tensor.
        BinaryOp => node.Inputs.Count(constants.ContainsKey) < 2,
        ComparisonOp => node.Inputs[1] == constant && !constants.ContainsKey(node.Inputs[0]),
        WhereOp => node.Inputs.Count(constants.ContainsKey) < 2,
        _ => false,
    };
}
