using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Passes;

/// <summary>Inference form: dropout and stopped gradients disappear, but for dropout that the user's code keeps active.</summary>
internal sealed class InferenceMode : GraphRewriter
{
    public override string Name => "inference-mode";

    protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder) =>
        node.Attributes.Bool("always") ? TrainingMode.Expand(node, inputs, builder) ?? base.Rewrite(graph, node, inputs, builder)
        : node.Op is "dropout" or "channel_dropout" or "alpha_dropout" or "stop_gradient" ? [inputs[0]] : base.Rewrite(graph, node, inputs, builder);
}

/// <summary>Training form: dropout multiplies by a random mask, batch normalisation uses and moves its statistics.</summary>
internal sealed class TrainingMode : GraphRewriter
{
    public override string Name => "training-mode";

    protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder) => Expand(node, inputs, builder) ?? base.Rewrite(graph, node, inputs, builder);

    /// <summary>The nodes of the training form; null for operators that have one form.</summary>
    public static IReadOnlyList<int>? Expand(Node node, int[] inputs, GraphBuilder builder) => node.Op switch
    {
        "dropout" or "channel_dropout" or "alpha_dropout" when node.Attributes.Double("p") == 0 => [inputs[0]],
        "dropout" => [builder.Times(inputs[0], builder.Add("dropout_mask", [], ("p", node.Attributes.Double("p")), ("shape", builder.TypeOf(inputs[0]).Shape), ("dtype", builder.TypeOf(inputs[0]).DType)))],
        "channel_dropout" => [builder.Times(inputs[0], builder.Add("dropout_noise", [inputs[0]], ("p", node.Attributes.Double("p")), ("channels", true), ("scaled", true)))],
        "alpha_dropout" => [AlphaDropout(builder, inputs[0], node.Attributes.Double("p"), node.Attributes.Bool("channels"))],
        "instance_norm_running" => [InstanceNorm(builder, inputs, node.Attributes)],
        "batch_norm" => [builder.AddNode("batch_norm_train", inputs, node.Attributes)[0]],
        _ => null,
    };

    // Dropped elements take the value that keeps a self-normalising network's mean and variance (Klambauer et al., arXiv:1706.02515, section 3).
    private static int AlphaDropout(GraphBuilder builder, int x, double p, bool channels)
    {
        const double Alpha = 1.7580993408473766;
        double scale = 1 / Math.Sqrt(((Alpha * Alpha * p) + 1) * (1 - p));
        int noise = builder.Add("dropout_noise", [x], ("p", p), ("channels", channels), ("scaled", false));
        int shift = builder.Plus(builder.Times(builder.Plus(noise, -1.0), Alpha * scale), Alpha * scale * p);
        return builder.Plus(builder.Times(x, builder.Times(noise, scale)), shift);
    }

    // In training each instance is normalised by itself, and moves the running statistics.
    private static int InstanceNorm(GraphBuilder builder, int[] inputs, OpAttributes attributes)
    {
        builder.AddNode("instance_norm_move", new[] { inputs[0], inputs[3], inputs[4] }, attributes);
        return builder.AddNode("instance_norm", new[] { inputs[0], inputs[1], inputs[2] }, attributes)[0];
    }
}
