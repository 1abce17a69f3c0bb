using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Passes;

/// <summary>Inference form: dropout and stopped gradients disappear.</summary>
internal sealed class InferenceMode : GraphRewriter
{
    public override string Name => "inference-mode";

    protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder) =>
        node.Op is "dropout" or "stop_gradient" ? [inputs[0]] : base.Rewrite(graph, node, inputs, builder);
}

/// <summary>Training form: dropout multiplies by a random mask, batch normalisation uses and moves its statistics.</summary>
internal sealed class TrainingMode : GraphRewriter
{
    public override string Name => "training-mode";

    protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder) => node.Op switch
    {
        "dropout" when node.Attributes.Double("p") == 0 => [inputs[0]],
        "dropout" when node.Attributes.Bool("channels") => [ChannelDropout(node, inputs[0], builder)],
        "dropout" => [builder.Times(inputs[0], builder.AddNode("dropout_mask", inputs, node.Attributes)[0])],
        "batch_norm" => [builder.AddNode("batch_norm_train", inputs, node.Attributes)[0]],
        _ => base.Rewrite(graph, node, inputs, builder),
    };

    /// <summary>One draw per sample and channel: the mask has size 1 in the other dimensions.</summary>
    private static int ChannelDropout(Node node, int x, GraphBuilder builder)
    {
        int corner = x;
        for (int axis = 2; axis < builder.TypeOf(x).Rank; axis++)
        {
            corner = builder.Slice(corner, axis, 0, 1);
        }

        return builder.Times(x, builder.Add("dropout_mask", [corner], ("p", node.Attributes.Double("p"))));
    }
}
