using ModelGen.Compiler.Codegen;
using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Passes;

/// <summary>An operator whose weights become integers: a product with constant weights, or a lookup in a table of them.</summary>
/// <param name="Node">conv, linear, matmul or embedding.</param>
/// <param name="Result">Its result, with the bias.</param>
/// <param name="InputSite">Number of the site that gives the scale of its input; -1 for a lookup.</param>
/// <param name="BiasNode">The node that takes the bias: the product or the addition behind it; null for none.</param>
/// <param name="Bias">Position of the bias among that node's operands.</param>
internal sealed record QuantizedWeights(Node Node, int Result, int InputSite, Node? BiasNode, int Bias)
{
    /// <summary>The weight's axis of output channels; of a table that of its columns.</summary>
    public int ChannelAxis => Node.Op is "conv" or "linear" ? 0 : 1;

    /// <summary>Position of the weights among the operands.</summary>
    public int WeightOperand => Node.Op == "embedding" ? 0 : 1;

    /// <summary>Output channels, or columns.</summary>
    public int Channels(Graph graph) => (int)graph.TypeOf(Node.Inputs[WeightOperand]).Shape[ChannelAxis].Constant!.Value;

    /// <summary>Weights of one of them.</summary>
    public int WeightsPerChannel(Graph graph) => graph.TypeOf(Node.Inputs[WeightOperand]).Shape.Where((_, axis) => axis != ChannelAxis).Aggregate(1, static (count, dim) => count * (int)dim.Constant!.Value);
}

/// <summary>The values and weights of a model that training can round to integers.</summary>
/// <remarks>
/// They follow the exporter's quantizer (<c>QuantizationPlan</c> of ModelGen.Onnx), which has the last word when the model is calibrated: a site that it leaves float gets no scale and
/// changes nothing, a value that it quantizes and that is no site is refused there.
/// </remarks>
internal sealed class QuantizationSites
{
    private static readonly HashSet<string> Joining = ["add", "mul", "cat", "avg_pool", "adaptive_avg_pool", "sigmoid", "leaky_relu"];

    private static readonly HashSet<string> Moving = ["max_pool", "reshape", "permute", "expand", "slice"];

    private readonly Graph graph;
    private readonly OnnxWeights weights;
    private readonly Dictionary<int, List<Node>> readers = [];
    private readonly HashSet<int> rounded = [];
    private readonly List<int> values = [];
    private readonly List<QuantizedWeights> products = [];

    private QuantizationSites(Graph graph)
    {
        this.graph = graph;
        weights = new OnnxWeights(graph);
        foreach (Node node in graph.Nodes)
        {
            foreach (int input in node.Inputs.Where(static input => input >= 0).Distinct())
            {
                if (!readers.TryGetValue(input, out List<Node> list))
                {
                    readers.Add(input, list = []);
                }

                list.Add(node);
            }
        }

        foreach (Node node in graph.Nodes.Where(node => !weights.Computes(node)))
        {
            Visit(node);
        }
    }

    /// <summary>The values, in the order of their numbers.</summary>
    public IReadOnlyList<int> Values => values;

    /// <summary>Operators with weights that can be rounded.</summary>
    public IReadOnlyList<QuantizedWeights> Products => products;

    /// <summary>The number of scales of each of them.</summary>
    public IReadOnlyList<int> Channels => [.. products.Select(product => product.Channels(graph))];

    /// <summary>The number of weights that have one of them.</summary>
    public IReadOnlyList<int> WeightsPerChannel => [.. products.Select(product => product.WeightsPerChannel(graph))];

    /// <summary>Finds them.</summary>
    /// <param name="inference">The graph that the exporter writes.</param>
    public static QuantizationSites Find(Graph inference) => new(inference);

    private void Visit(Node node)
    {
        if (node.Op == "embedding")
        {
            if (weights.Contains(node.Inputs[0]) && IsFloat(node.Inputs[0]))
            {
                products.Add(new QuantizedWeights(node, node.Outputs[0], -1, null, 0));
            }
        }
        else if (IsProduct(node))
        {
            // Also where the input only moves what is rounded already: if that stays float, this does not.
            Own(node.Inputs[0]);
            (Node? biasNode, int bias) = Bias(node);
            int result = (biasNode ?? node).Outputs[0];
            products.Add(new QuantizedWeights(node, result, values.IndexOf(node.Inputs[0]), biasNode, bias));
            Own(AfterActivation(result));
        }
        else if (Moving.Contains(node.Op) && rounded.Contains(node.Inputs[0]))
        {
            rounded.Add(node.Outputs[0]);
        }
        else if ((Joining.Contains(node.Op) || IsGlobalAverage(node)) && IsFloat(node.Outputs[0]) && node.Inputs.All(rounded.Contains))
        {
            Own(AfterActivation(node.Outputs[0]));
        }
    }

    private bool IsProduct(Node node) =>
        node.Op is "conv" or "linear" or "matmul" && IsFloat(node.Inputs[0]) && !weights.Contains(node.Inputs[0]) && weights.Contains(node.Inputs[1])
        && (node.Op != "matmul" || graph.TypeOf(node.Inputs[1]).Rank == 2) && (node.Inputs.Count < 3 || node.Inputs[2] < 0 || weights.Contains(node.Inputs[2]));

    private (Node? Node, int Operand) Bias(Node product)
    {
        if (product.Inputs.Count > 2 && product.Inputs[2] >= 0)
        {
            return (product, 2);
        }

        Dim channels = graph.TypeOf(product.Outputs[0]).Shape.Last();
        bool bare = product.Op == "matmul" || (product.Op == "linear" && graph.TypeOf(product.Outputs[0]).Rank != 2);
        if (bare && OnlyReader(product.Outputs[0]) is { Op: "add" } add)
        {
            int operand = add.Inputs[0] == product.Outputs[0] ? 1 : 0;
            if (weights.Contains(add.Inputs[operand]) && graph.TypeOf(add.Inputs[operand]).Shape.Equals(new[] { channels }))
            {
                return (add, operand);
            }
        }

        return (null, 0);
    }

    private bool IsGlobalAverage(Node node) => node.Op == "mean" && graph.TypeOf(node.Inputs[0]).Rank == 4 && node.Attributes.Ints("axes").Equals(new long[] { 2, 3 });

    /// <summary>The value behind an activation that becomes a part of the kernel before it; the value itself when none follows.</summary>
    private int AfterActivation(int value) =>
        OnlyReader(value) is { } node && (node.Op == "relu" || (node.Op == "clamp" && node.Attributes.Double("min") <= 0 && node.Attributes.Double("max") >= 0)) ? node.Outputs[0] : value;

    private Node? OnlyReader(int value) => !graph.Outputs.Contains(value) && readers.TryGetValue(value, out List<Node> nodes) && nodes.Count == 1 ? nodes[0] : null;

    private bool IsFloat(int value) => graph.TypeOf(value).DType == DType.Float32;

    private void Own(int value)
    {
        rounded.Add(value);
        if (!values.Contains(value))
        {
            values.Add(value);
        }
    }
}
