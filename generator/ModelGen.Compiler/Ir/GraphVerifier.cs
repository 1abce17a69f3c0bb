using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Ir;

/// <summary>Checks that a graph is well formed: every operand is defined before its use, and every type is what the operator infers.</summary>
internal static class GraphVerifier
{
    /// <summary>The faults of a graph, each one line; empty when it is well formed.</summary>
    public static IReadOnlyList<string> Verify(Graph graph)
    {
        var faults = new List<string>();
        var defined = new HashSet<int>(Enumerable.Range(0, graph.Values.Count).Where(index => graph.Values[index].Kind != ValueKind.Intermediate));
        foreach (Node node in graph.Nodes)
        {
            string Text() => GraphPrinter.Print(graph, node);
            foreach (int input in node.Inputs)
            {
                if (input >= 0 && !defined.Contains(input))
                {
                    faults.Add($"operand %{input} is used before it is defined: {Text()}");
                }
            }

            foreach (int output in node.Outputs)
            {
                if (!defined.Add(output))
                {
                    faults.Add($"%{output} is defined twice: {Text()}");
                }
            }

            CheckTypes(graph, node, Text, faults);
        }

        faults.AddRange(graph.Outputs.Where(output => !defined.Contains(output)).Select(output => $"output %{output} is never defined"));
        return faults;
    }

    /// <summary>Throws when the graph is not well formed: a fault of the compiler, never of the user's model.</summary>
    public static void Check(Graph graph, string after)
    {
        IReadOnlyList<string> faults = Verify(graph);
        if (faults.Count > 0)
        {
            throw new InvalidOperationException($"The graph '{graph.Name}' is malformed after {after}: {string.Join("; ", faults)}");
        }
    }

    private static void CheckTypes(Graph graph, Node node, Func<string> text, List<string> faults)
    {
        if (!OpRegistry.TryGet(node.Op, out OpDefinition op))
        {
            faults.Add($"operator '{node.Op}' is not registered: {text()}");
            return;
        }

        try
        {
            EquatableArray<TensorType> inferred = op.Infer(OpContext.Of(graph, node));
            if (!inferred.Equals(node.Outputs.Select(graph.TypeOf).ToEquatableArray()))
            {
                faults.Add($"type is {inferred}: {text()}");
            }
        }
        catch (OpException exception)
        {
            faults.Add($"{exception.Message}: {text()}");
        }
    }
}
