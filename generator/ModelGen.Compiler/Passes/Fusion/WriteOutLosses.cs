using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Passes;

/// <summary>Losses that are the mean of a number for each element become a chain of elementwise operators and the mean, which kernels run.</summary>
internal sealed class WriteOutLosses : GraphRewriter
{
    public override string Name => "write-out-losses";

    protected override IReadOnlyList<int> Rewrite(Graph graph, Node node, int[] inputs, GraphBuilder builder)
    {
        if (node.Op is not ("mse_loss" or "l1_loss" or "smooth_l1_loss" or "bce_with_logits"))
        {
            return base.Rewrite(graph, node, inputs, builder);
        }

        int each = node.Op == "bce_with_logits" ? Logits(builder, inputs[0], inputs[1]) : Distance(builder, node, builder.Minus(inputs[0], inputs[1]));
        long[] axes = [.. Enumerable.Range(0, builder.TypeOf(each).Rank).Select(static axis => (long)axis)];
        return [builder.Add("mean", [each], ("axes", axes), ("keep", false))];
    }

    private static int Distance(GraphBuilder g, Node node, int difference)
    {
        if (node.Op == "mse_loss")
        {
            return g.Times(difference, difference);
        }

        int distance = g.Unary("abs", difference);
        if (node.Op == "l1_loss")
        {
            return distance;
        }

        double beta = node.Attributes.Double("beta");
        int near = g.Add("lt", [distance, g.Constant(beta, g.TypeOf(distance).DType)]);
        return g.Add("where", [near, g.Times(g.Times(distance, distance), 0.5 / beta), g.Plus(distance, -0.5 * beta)]);
    }

    // max(x, 0) - x t + log(1 + exp(-|x|)): no exponential overflows.
    private static int Logits(GraphBuilder g, int x, int target) =>
        g.Plus(g.Minus(g.Unary("relu", x), g.Times(x, target)), g.Unary("log1p", g.Unary("exp", g.Unary("neg", g.Unary("abs", x)))));
}
