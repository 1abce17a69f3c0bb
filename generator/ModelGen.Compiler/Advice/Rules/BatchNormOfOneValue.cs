using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Advice.Rules;

/// <summary>MG6009: batch normalisation that sees one value a channel in training.</summary>
internal sealed class BatchNormOfOneValue : ModelRule
{
    public override string Id => "MG6009";

    public override IEnumerable<Finding> Check(ReviewedModel model)
    {
        if (model.Spec.Train is not { BatchSize: 1 })
        {
            yield break;
        }

        foreach ((int index, Node node) in model.Nodes("batch_norm"))
        {
            TensorType type = model.Graph.TypeOf(node.Inputs[0]);
            if (type.Shape.Skip(2).All(static size => size.Constant == 1) && (type.Shape[0].Constant is null or 1))
            {
                yield return new Finding(index, $"{model.Name(node)} normalizes {type.ShapeText()} over a batch of one ([Train(BatchSize = 1)]): each channel has a single value, whose variance is zero, so that the step throws; use a larger BatchSize, or LayerNorm or GroupNorm");
            }
        }
    }
}
