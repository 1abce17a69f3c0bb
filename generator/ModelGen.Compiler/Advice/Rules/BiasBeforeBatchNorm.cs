using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Advice.Rules;

/// <summary>MG6002: a bias that batch normalisation subtracts again.</summary>
internal sealed class BiasBeforeBatchNorm : ModelRule
{
    private const int Bias = 2;

    public override string Id => "MG6002";

    public override IEnumerable<Finding> Check(ReviewedModel model)
    {
        foreach ((int index, Node norm) in model.Nodes("batch_norm"))
        {
            int producer = model.Producer(norm.Inputs[0]);
            if (producer < 0 || model.Graph.Nodes[producer] is not { Op: "conv" or "conv_transpose" or "linear" } product || !model.HasParameter(product, Bias) || model.OnlyReader(norm.Inputs[0]) < 0)
            {
                continue;
            }

            // The features of a linear layer are its last dimension, the channels of a normalization the second.
            TensorType type = model.Graph.TypeOf(norm.Inputs[0]);
            if (product.Op != "linear" || type.Rank == 2)
            {
                yield return new Finding(producer, $"The bias of {model.Name(product)} has no effect: the batch normalization {model.Name(norm)} subtracts the mean of each channel right after it. Without it the model has {type.Shape[1]} parameters less and computes the same", index);
            }
        }
    }
}
