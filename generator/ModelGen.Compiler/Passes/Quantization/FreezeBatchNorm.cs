using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Passes;

/// <summary>Writes batch normalisation by running statistics as a scale and a shift, which have gradients. For those that do not fold into the layer before them.</summary>
internal sealed class FreezeBatchNorm : GraphRewriter
{
    public override string Name => "freeze-batch-norm";

    protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder)
    {
        if (node.Op != "batch_norm")
        {
            return base.Rewrite(graph, node, inputs, builder);
        }

        EquatableArray<Dim> channels = builder.TypeOf(inputs[0]).Shape.Skip(1).Select(static (dim, axis) => axis == 0 ? dim : Dim.One).ToEquatableArray();
        int reciprocal = builder.Unary("rsqrt", builder.Plus(inputs[4], node.Attributes.Double("eps")));
        int scale = inputs[1] < 0 ? reciprocal : builder.Times(inputs[1], reciprocal);
        int centred = builder.Add("sub", [inputs[0], builder.Reshape(inputs[3], channels)]);
        int scaled = builder.Times(centred, builder.Reshape(scale, channels));
        return [inputs[2] < 0 ? scaled : builder.Plus(scaled, builder.Reshape(inputs[2], channels))];
    }
}
