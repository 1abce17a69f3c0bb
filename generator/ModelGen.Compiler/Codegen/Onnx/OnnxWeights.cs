using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Codegen;

/// <summary>The values of a graph that depend on weights alone: the exporter computes them once and writes initialisers.</summary>
internal sealed class OnnxWeights
{
    private readonly HashSet<int> values;

    public OnnxWeights(Graph graph)
    {
        values = [.. graph.ValuesOf(ValueKind.Parameter), .. graph.ValuesOf(ValueKind.Buffer)];
        foreach (Node node in graph.Nodes)
        {
            // Random numbers are drawn at every run.
            if (!OpRegistry.Get(node.Op).HasSideEffect && node.Inputs.All(input => input < 0 || values.Contains(input)))
            {
                values.UnionWith(node.Outputs);
            }
        }
    }

    public bool Contains(int value) => values.Contains(value);

    /// <summary>Whether the exporter computes a node itself.</summary>
    public bool Computes(Node node) => node.Outputs.Count > 0 && node.Outputs.All(values.Contains);
}
