using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Passes;

/// <summary>Inference form: dropout disappears.</summary>
internal sealed class InferenceMode : GraphRewriter
{
    public override string Name => "inference-mode";

    protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder) =>
        node.Op == "dropout" ? [inputs[0]] : base.Rewrite(graph, node, inputs, builder);
}

/// <summary>Training form: dropout multiplies by a random mask, batch normalisation uses and moves its statistics.</summary>
internal sealed class TrainingMode : GraphRewriter
{
    public override string Name => "training-mode";

    protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder) => node.Op switch
    {
        "dropout" when node.Attributes.Double("p") == 0 => [inputs[0]],
        "dropout" => [builder.Times(inputs[0], builder.AddNode("dropout_mask", inputs, node.Attributes)[0])],
        "batch_norm" => [builder.AddNode("batch_norm_train", inputs, node.Attributes)[0]],
        _ => base.Rewrite(graph, node, inputs, builder),
    };
}
