using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Advice.Rules;

/// <summary>MG6005: an operator in the middle of an INT8 model that runs in floating point.</summary>
internal sealed class StaysFloat : ModelRule
{
    public override string Id => "MG6005";

    public override IEnumerable<Finding> Check(ReviewedModel model)
    {
        if (!model.IsQuantized)
        {
            yield break;
        }

        bool[] after = new bool[model.Graph.Values.Count];
        bool[] before = new bool[model.Graph.Values.Count];
        foreach (Node node in model.Graph.Nodes)
        {
            bool value = IsProduct(model, node) || node.Inputs.Any(input => input >= 0 && after[input]);
            foreach (int output in node.Outputs)
            {
                after[output] = value;
            }
        }

        foreach (Node node in model.Graph.Nodes.Reverse())
        {
            bool value = IsProduct(model, node) || node.Outputs.Any(output => before[output]);
            foreach (int input in node.Inputs.Where(static input => input >= 0))
            {
                before[input] |= value;
            }
        }

        foreach ((int index, Node node) in model.Nodes())
        {
            // Batch normalization folds into the product before it.
            if (ReviewedModel.Definition(node) is { Quantization: QuantizationRule.Float, Fusion: not FusionKind.Injective } && node.Op is not ("batch_norm" or "constant" or "dropout")
                && model.Graph.TypeOf(node.Outputs[0]).DType.IsFloat()
                && node.Inputs.Any(input => input >= 0 && after[input]) && node.Outputs.Any(output => before[output]))
            {
                yield return new Finding(index, $"{node.Op} has no integer kernel: in the INT8 model its input is brought back to float and its result quantized again, between layers that run in integers");
            }
        }
    }

    private static bool IsProduct(ReviewedModel model, Node node) => node.Op is "conv" or "linear" && model.HasParameter(node, 1);
}
