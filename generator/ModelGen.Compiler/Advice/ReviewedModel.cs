using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Models;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Advice;

/// <summary>A model with what rules ask of it: who computes a value and who reads it, and what an operation costs.</summary>
/// <remarks>The graph is that of training where the code branches on the mode: what is only done in evaluation is no mistake of training.</remarks>
internal sealed class ReviewedModel
{
    private readonly int[] producers;
    private readonly int[] readers;
    private readonly int[] onlyReader;
    private readonly IReadOnlyDictionary<string, long>? one;
    private readonly Dictionary<string, string> layerTypes;
    private long? total;

    /// <param name="spec">The model.</param>
    /// <param name="written">Forward as it is written, with what no output needs.</param>
    /// <param name="isQuantized">Whether the class has <c>[Quantize]</c>.</param>
    public ReviewedModel(ModelSpec spec, Graph written, bool isQuantized)
    {
        Spec = spec;
        IsQuantized = isQuantized;
        Graph = written;
        producers = [.. Enumerable.Repeat(-1, Graph.Values.Count)];
        readers = new int[Graph.Values.Count];
        onlyReader = [.. Enumerable.Repeat(-1, Graph.Values.Count)];
        for (int i = 0; i < Graph.Nodes.Count; i++)
        {
            foreach (int output in Graph.Nodes[i].Outputs)
            {
                producers[output] = i;
            }

            foreach (int input in Graph.Nodes[i].Inputs.Where(static input => input >= 0))
            {
                readers[input]++;
                onlyReader[input] = i;
            }
        }

        foreach (int output in Graph.Outputs)
        {
            readers[output]++;
        }

        one = PlannedMemory.Sizes(Graph, 1);
        layerTypes = spec.LayerTypes.ToDictionary(static pair => pair.Key, static pair => pair.Value, StringComparer.Ordinal);
    }

    public ModelSpec Spec { get; }

    public Graph Graph { get; }

    /// <summary>Whether the model is meant to run in integers.</summary>
    public bool IsQuantized { get; }

    /// <summary>Nodes of these operators with their indices.</summary>
    public IEnumerable<(int Index, Node Node)> Nodes(params string[] ops) =>
        Enumerable.Range(0, Graph.Nodes.Count).Where(index => ops.Length == 0 || ops.Contains(Graph.Nodes[index].Op)).Select(index => (index, Graph.Nodes[index]));

    /// <summary>Index of the node that computes a value; -1 for inputs and parameters.</summary>
    public int Producer(int value) => value < 0 ? -1 : producers[value];

    /// <summary>Index of the node that computes the model's first output, which the loss reads; -1 when it is an input.</summary>
    public int Last => Producer(Graph.Outputs[0]);

    /// <summary>Index of the node that reads a value when it is read once and is no output; -1 otherwise.</summary>
    public int OnlyReader(int value) => readers[value] == 1 ? onlyReader[value] : -1;

    /// <summary>Whether a node reads an own parameter of the model at an operand.</summary>
    public bool HasParameter(Node node, int operand) => node.Inputs.Count > operand && node.Inputs[operand] >= 0 && Graph.Values[node.Inputs[operand]].Kind == ValueKind.Parameter;

    /// <summary>What a node is called in messages: the path of its layer, else the user's expression.</summary>
    public string Name(Node node) => node.Layer.Length > 0 ? $"'{node.Layer}'" : $"'{node.Source}'";

    /// <summary>Type of the layer that a node belongs to; empty outside layers.</summary>
    public string LayerType(Node node) => layerTypes.TryGetValue(node.Layer, out string? type) ? type : "";

    /// <summary>Operations of a node for one sample; null where inputs have other named sizes than the batch.</summary>
    public long? Flops(Node node) => one is null ? null : LayerTable.Flops(Graph, node).Evaluate(one);

    /// <summary>Operations of forward for one sample; null where inputs have other named sizes than the batch.</summary>
    public long? TotalFlops => one is null ? null : total ??= Graph.Nodes.Sum(node => Flops(node)!.Value);

    /// <summary>A number of operations as text.</summary>
    public static string FlopsText(long flops) => flops switch
    {
        >= 1_000_000_000 => Invariant.Text(Math.Round(flops / 1e9, 2)) + " GFLOP",
        >= 1_000_000 => Invariant.Text(Math.Round(flops / 1e6, 1)) + " MFLOP",
        _ => Invariant.Text(Math.Round(flops / 1e3, 1)) + " kFLOP",
    };

    /// <summary>The operator of a node.</summary>
    public static OpDefinition Definition(Node node) => OpRegistry.Get(node.Op);
}
