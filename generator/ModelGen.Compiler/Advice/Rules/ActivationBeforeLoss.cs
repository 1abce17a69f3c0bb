namespace ModelGen.Compiler.Advice.Rules;

/// <summary>MG6001: the model ends with an activation that the loss applies itself, or that hides half of the scores.</summary>
internal sealed class ActivationBeforeLoss : ModelRule
{
    public override string Id => "MG6001";

    public override IEnumerable<Finding> Check(ReviewedModel model)
    {
        if (model.Spec.Train is not { } train || model.Last < 0)
        {
            yield break;
        }

        string op = model.Graph.Nodes[model.Last].Op;
        string? reason = (train.Loss, op) switch
        {
            ("CrossEntropy", "softmax") => "contains softmax itself; after two of them the loss cannot come near zero and the gradients are flat",
            ("CrossEntropy" or "BCEWithLogits", "sigmoid") => "takes scores of any size; sigmoid squeezes them into 0..1, so the loss cannot come near zero",
            ("CrossEntropy" or "BCEWithLogits", "relu") => "takes scores of any sign; relu cuts the negative ones off, and their gradients with them",
            _ => null,
        };
        if (reason is not null)
        {
            yield return new Finding(model.Last, $"The model ends with {op}, but Loss.{train.Loss} {reason}; return the scores, and apply {op} where probabilities are read");
        }
    }
}
