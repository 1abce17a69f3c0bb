using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Advice.Rules;

/// <summary>MG6012: a transposed convolution whose windows overlap unevenly (Odena et al., Deconvolution and Checkerboard Artifacts, Distill 2016).</summary>
internal sealed class UnevenTransposedConvolution : ModelRule
{
    public override string Id => "MG6012";

    public override IEnumerable<Finding> Check(ReviewedModel model)
    {
        foreach ((int index, Node node) in model.Nodes("conv_transpose"))
        {
            EquatableArray<Dim> weight = model.Graph.TypeOf(node.Inputs[1]).Shape;
            EquatableArray<long> strides = node.Attributes.Ints("stride");
            for (int axis = 0; axis < strides.Count; axis++)
            {
                if (weight[axis + 2].Constant is long kernel && strides[axis] > 1 && kernel % strides[axis] != 0)
                {
                    yield return new Finding(index, $"{model.Name(node)} has a kernel of {Invariant.Text(kernel)} and a stride of {Invariant.Text(strides[axis])}: some outputs receive more windows than their neighbours, which shows as a checkerboard in generated images; use a kernel that is a multiple of the stride ({Invariant.Text(((kernel / strides[axis]) + 1) * strides[axis])}), or upsample and convolve");
                    break;
                }
            }
        }
    }
}
