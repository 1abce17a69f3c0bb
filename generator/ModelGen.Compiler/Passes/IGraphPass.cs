using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Passes;

/// <summary>A graph transformation. A pass reads a graph and returns another; it never changes its argument.</summary>
internal interface IGraphPass
{
    /// <summary>Name in messages.</summary>
    string Name { get; }

    Graph Run(Graph graph);
}

/// <summary>An ordered list of passes; with checking on, the verifier runs after each.</summary>
internal sealed class PassPipeline(params IGraphPass[] passes)
{
    /// <summary>From the model as written to what inference and export run.</summary>
    public static PassPipeline Inference { get; } = new(
        new InferenceMode(),          // dropout is the identity
        new FoldBatchNorm(),          // needs convolutions directly before batch norms, which dropped dropouts may reveal
        new Simplify(),               // what the model or the folding wrote in vain
        new CommonSubexpressions(),   // folding writes the same scale twice
        new DeadCode());              // last: what the others left behind

    /// <summary>From the model as written to the form in which quantization-aware training rounds: that of inference, but for dropout.</summary>
    public static PassPipeline QuantizationAware { get; } = new(
        new FoldBatchNorm(),          // the rounded weights are the folded ones
        new Simplify(),               // as in inference
        new DeadCode());              // what these replaced

    /// <summary>After rounding was put into a forward graph of inference.</summary>
    public static PassPipeline Rounded { get; } = new(
        new Simplify(),               // reshapes of scales
        new CommonSubexpressions(),   // one weight may be rounded for several readers
        new DeadCode());              // what these replaced

    /// <summary>From the model as written to the forward half of the training step; losses and gradients are added after it.</summary>
    public static PassPipeline Training { get; } = new(
        new TrainingMode(),           // dropout draws masks, batch norm uses batch statistics
        new FuseAttention());         // before gradients, which the operator has of its own

    /// <summary>After differentiation.</summary>
    public static PassPipeline AfterAutodiff { get; } = new(
        new Simplify(),               // gradient rules multiply by the loss's own gradient, 1
        new CommonSubexpressions(),   // gradient rules write transposes and masks again and again
        new DeadCode());              // gradients of inputs that nobody reads

    /// <summary>Of steps with bfloat16 products, after differentiation.</summary>
    public static PassPipeline MixedPrecision { get; } = new(
        new MarkBFloat16());          // after gradients, which are marked like the products they belong to

    /// <summary>Before the step is written as calls of libtorch.</summary>
    public static PassPipeline StepLibrary { get; } = new(
        new CastBFloat16());          // what kernels do while they read

    /// <summary>Before the step is lowered to kernels.</summary>
    public static PassPipeline StepKernels { get; } = new(
        new SplitBias(),              // a bias is one more elementwise operator of the product's epilogue
        new CrossEntropyWithSlope(),  // one kernel gives the loss and its gradient
        new WriteOutLosses(),         // losses by element, as loops
        new FuseBatchNormActivation(), // what lies between the two is computed again in the backward pass
        new JoinSlices(),             // gradients of parts go side by side instead of being added to zeros
        new DeadCode());              // what these replaced

    /// <summary>Before inference is lowered to kernels.</summary>
    public static PassPipeline InferenceKernels { get; } = new(
        new FuseAttention(),          // scores are never in memory
        new SplitBias(),              // a bias is one more elementwise operator of the product's epilogue
        new WriteOutNorms(),          // normalisations that nothing before them took, as loops
        new WriteOutLosses(),         // losses by element, as loops: of models that return their loss
        new DeadCode());              // what these replaced

    public Graph Run(Graph graph)
    {
        foreach (IGraphPass pass in passes)
        {
            graph = pass.Run(graph);
            GraphVerifier.Check(graph, pass.Name);
        }

        return graph;
    }
}

/// <summary>Rebuilds a graph node by node; passes override what happens to a node.</summary>
internal abstract class GraphRewriter : IGraphPass
{
    public abstract string Name { get; }

    public Graph Run(Graph graph)
    {
        var builder = new GraphBuilder(graph.Name);
        int[] map = new int[graph.Values.Count];
        for (int i = 0; i < map.Length; i++)
        {
            map[i] = graph.Values[i].Kind == ValueKind.Intermediate ? -1 : builder.AddValue(graph.Values[i].Name, graph.Values[i].Type, graph.Values[i].Kind);
        }

        foreach (Node node in graph.Nodes)
        {
            builder.Layer = node.Layer;
            builder.Source = node.Source;
            int[] inputs = [.. node.Inputs.Select(input => input < 0 ? -1 : map[input])];
            IReadOnlyList<int> results = Rewrite(graph, node, inputs, builder);
            for (int i = 0; i < node.Outputs.Count; i++)
            {
                map[node.Outputs[i]] = results[i];
                if (results[i] >= 0)
                {
                    builder.NameValue(results[i], graph.Values[node.Outputs[i]].Name);
                }
            }
        }

        return builder.Build([.. graph.Outputs.Select(output => map[output])]);
    }

    /// <summary>The values that take the place of a node's results; the default copies the node.</summary>
    protected virtual IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder) => builder.AddNode(node.Op, inputs, node.Attributes);
}
