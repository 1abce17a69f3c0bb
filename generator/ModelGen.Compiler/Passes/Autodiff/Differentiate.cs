using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Passes;

/// <summary>
/// Reverse-mode differentiation of a graph whose first output is a number, with respect to its parameters: adds the gradient nodes, a
/// <c>store_gradient</c> per parameter and the <c>optimizer_step</c>.
/// </summary>
/// <remarks>
/// Walks the nodes backwards once, as Griewank and Walther describe (Evaluating Derivatives, 2008, chapter 3). Gradients of a value with several
/// readers are added in reverse execution order, so the result is deterministic. Precondition: training mode. Postcondition: forward nodes unchanged.
/// </remarks>
internal sealed class Differentiate : IGraphPass
{
    /// <summary>How the source of every gradient's node begins; the rest is that of the node it belongs to.</summary>
    public const string Prefix = "gradient of ";

    public string Name => "differentiate";

    public Graph Run(Graph graph)
    {
        GraphBuilder builder = Gradients(graph, [.. graph.ValuesOf(ValueKind.Parameter)], out Dictionary<int, int> gradients);
        var stores = new Dictionary<int, Node>();
        int index = 0;
        foreach (int parameter in graph.ValuesOf(ValueKind.Parameter))
        {
            if (gradients.TryGetValue(parameter, out int gradient))
            {
                builder.NameValue(gradient, "grad_" + graph.Values[parameter].Name);
                stores.Add(index, new Node("store_gradient", new[] { gradient }, default, OpAttributes.Of(("index", index)), "", ""));
            }

            index++;
        }

        builder.Layer = "";
        builder.Source = "update";
        builder.AddNode("optimizer_step", default, OpAttributes.None);
        Graph step = builder.Build(graph.Outputs.ToArray());
        return step with { Nodes = StoredAtOnce(step.Nodes, stores.Values).ToEquatableArray() };
    }

    /// <summary>Each gradient goes to the flat buffer right after it is computed, so that it does not outlive its layer's turn.</summary>
    private static IEnumerable<Node> StoredAtOnce(EquatableArray<Node> nodes, IReadOnlyCollection<Node> stores)
    {
        foreach (Node node in nodes)
        {
            yield return node;
            foreach (Node store in stores.Where(store => node.Outputs.Contains(store.Inputs[0])))
            {
                yield return store with { Layer = node.Layer, Source = node.Source };
            }
        }
    }

    /// <summary>Adds the gradient nodes of the first output with respect to the given values.</summary>
    public static GraphBuilder Gradients(Graph graph, IReadOnlyCollection<int> wanted, out Dictionary<int, int> gradients)
    {
        HashSet<int> needs = Reaching(graph, wanted);
        var builder = new GraphBuilder(graph);
        int loss = graph.Outputs[0];
        gradients = new Dictionary<int, int> { [loss] = builder.Constant(1, graph.TypeOf(loss).DType) };
        foreach (Node node in graph.Nodes.Reverse())
        {
            if (!node.Outputs.Any(needs.Contains) || !node.Outputs.Any(gradients.ContainsKey))
            {
                continue;
            }

            builder.Layer = node.Layer;
            builder.Source = Prefix + (node.Source.Length > 0 ? node.Source : node.Layer);
            Dictionary<int, int> known = gradients;
            int[] outputs = [.. node.Outputs.Select(output => known.TryGetValue(output, out int gradient) ? gradient : -1)];
            var context = new GradientContext(builder, node, outputs, needs.Contains);
            OpRegistry.Get(node.Op).Differentiate(context);
            foreach (KeyValuePair<int, int> pair in context.Gradients.OrderBy(static pair => pair.Key))
            {
                int input = node.Inputs[pair.Key];
                gradients[input] = gradients.TryGetValue(input, out int sum) ? builder.Plus(sum, pair.Value) : pair.Value;
            }
        }

        return builder;
    }

    /// <summary>The values that depend on a wanted one: only these need a gradient.</summary>
    private static HashSet<int> Reaching(Graph graph, IReadOnlyCollection<int> wanted)
    {
        var needs = new HashSet<int>(wanted);
        foreach (Node node in graph.Nodes)
        {
            if (OpRegistry.Get(node.Op).NotDifferentiable is null && node.Inputs.Any(needs.Contains))
            {
                needs.UnionWith(node.Outputs.Where(output => graph.TypeOf(output).DType.IsFloat()));
            }
        }

        return needs;
    }
}
