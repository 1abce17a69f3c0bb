using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Advice.Rules;

/// <summary>MG6003: a number of channels that leaves much of the last vector empty.</summary>
internal sealed class PartlyFilledVectors : ModelRule
{
    /// <summary>Numbers of float32 in a vector of AVX-512; half of it in one of AVX2, for which the same sizes are good.</summary>
    private const long Lanes = 16;

    /// <summary>Share of a layer's products that is wasted at the least when the rule speaks.</summary>
    private const double Least = 0.2;

    public override string Id => "MG6003";

    public override IEnumerable<Finding> Check(ReviewedModel model)
    {
        foreach ((int index, Node node) in model.Nodes("conv", "linear"))
        {
            if (!model.HasParameter(node, 1) || (node.Op == "conv" && node.Attributes.Int("groups") != 1) || IsOutput(model, node) || model.Graph.TypeOf(node.Inputs[1]).Shape[0].Constant is not long channels)
            {
                continue;
            }

            long filled = (channels + Lanes - 1) / Lanes * Lanes;
            double wasted = 1 - ((double)channels / filled);
            if (channels > Lanes && wasted >= Least && model.Flops(node) is long flops && model.TotalFlops is long total && flops * 20 >= total)
            {
                yield return new Finding(index, $"{model.Name(node)} has {Invariant.Text(channels)} output channels, which take {Invariant.Text(filled / Lanes)} vectors of {Invariant.Text(Lanes)}: {Invariant.Text((long)Math.Round(100 * wasted))} % of their products are thrown away. {Invariant.Text(filled)} channels cost hardly more time, {Invariant.Text(filled - Lanes)} clearly less");
            }
        }
    }

    /// <summary>Whether a value is an output of the model or becomes one by elementwise operators: its size is given by the task.</summary>
    private static bool IsOutput(ReviewedModel model, Node node)
    {
        int value = node.Outputs[0];
        while (model.OnlyReader(value) is int reader and >= 0 && ReviewedModel.Definition(model.Graph.Nodes[reader]).Fusion is Ops.FusionKind.Elementwise or Ops.FusionKind.Injective)
        {
            value = model.Graph.Nodes[reader].Outputs[0];
        }

        return model.Graph.Outputs.Contains(value);
    }
}
