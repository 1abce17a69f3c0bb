using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Advice.Rules;

/// <summary>MG6004: a full convolution where a depthwise and a 1x1 one would need a fraction of the operations (Howard et al., MobileNets, arXiv:1704.04861).</summary>
internal sealed class SeparableConvolution : ModelRule
{
    private const long LeastChannels = 32;

    public override string Id => "MG6004";

    public override IEnumerable<Finding> Check(ReviewedModel model)
    {
        foreach ((int index, Node node) in model.Nodes("conv"))
        {
            EquatableArray<Dim> weight = model.Graph.TypeOf(node.Inputs[1]).Shape;
            if (weight.Count != 4 || node.Attributes.Int("groups") != 1
                || weight[0].Constant is not >= LeastChannels || weight[1].Constant is not >= LeastChannels
                || model.Flops(node) is not long flops || model.TotalFlops is not long total || flops * 10 < total)
            {
                continue;
            }

            (long outputs, long inputs, long window) = (weight[0].Constant!.Value, weight[1].Constant!.Value, weight[2].Constant!.Value * weight[3].Constant!.Value);
            if (window < 9)
            {
                continue;
            }

            // Per output position: window and channels together, against one after the other.
            long positions = flops / (2 * window * inputs * outputs);
            long separable = 2 * positions * inputs * (window + outputs);
            yield return new Finding(index, $"{model.Name(node)} takes {ReviewedModel.FlopsText(flops)} per sample, {Invariant.Text((long)Math.Round(100.0 * flops / total))} % of the model. A depthwise convolution with groups: {Invariant.Text(inputs)} and a 1x1 one after it take {ReviewedModel.FlopsText(separable)}, {Invariant.Text(Math.Round((double)flops / separable, 1))} times less, with {Invariant.Text(inputs * (window + outputs))} weights instead of {Invariant.Text(inputs * outputs * window)}; measure the accuracy");
        }
    }
}
