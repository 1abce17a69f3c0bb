using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Passes;

/// <summary>
/// Normalisations by running statistics that were not folded into a layer become a scale and a shift of each channel: elementwise operators, which join their neighbours. The scale and
/// the shift depend on weights alone, so inference prepares them once.
/// </summary>
internal sealed class WriteOutNorms : GraphRewriter
{
    public override string Name => "write-out-norms";

    protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder)
    {
        if (node.Op is not ("batch_norm" or "instance_norm_running"))
        {
            return base.Rewrite(graph, node, inputs, builder);
        }

        (int x, int weight, int bias, int mean, int variance) = (inputs[0], inputs[1], inputs[2], inputs[3], inputs[4]);
        EquatableArray<Dim> channel = builder.TypeOf(x).Shape.Skip(1).Select(static (dim, axis) => axis == 0 ? dim : Dim.One).ToEquatableArray();
        int reciprocal = builder.Unary("rsqrt", builder.Plus(variance, node.Attributes.Double("eps")));
        int scale = weight < 0 ? reciprocal : builder.Times(reciprocal, weight);

        // The mean is subtracted first: a product with it could be far larger than the result.
        int centred = builder.Minus(x, builder.Reshape(mean, channel));
        int scaled = builder.Times(centred, builder.Reshape(scale, channel));
        return [bias < 0 ? scaled : builder.Plus(scaled, builder.Reshape(bias, channel))];
    }
}
