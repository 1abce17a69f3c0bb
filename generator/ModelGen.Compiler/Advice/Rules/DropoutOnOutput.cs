namespace ModelGen.Compiler.Advice.Rules;

/// <summary>MG6008: dropout is the last thing before the loss.</summary>
internal sealed class DropoutOnOutput : ModelRule
{
    public override string Id => "MG6008";

    public override IEnumerable<Finding> Check(ReviewedModel model)
    {
        if (model.Spec.Train is { } train && model.Last >= 0 && model.Graph.Nodes[model.Last] is { Op: "dropout" } node && node.Attributes.Double("p") > 0)
        {
            yield return new Finding(model.Last, $"Dropout is the last step before Loss.{train.Loss}: in training, outputs are set to zero at random and the others enlarged, which the loss takes for predictions; put it before the last layer");
        }
    }
}
