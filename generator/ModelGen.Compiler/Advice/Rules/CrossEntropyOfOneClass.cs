using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Advice.Rules;

/// <summary>MG6010: cross entropy over a single class is always zero.</summary>
internal sealed class CrossEntropyOfOneClass : ModelRule
{
    public override string Id => "MG6010";

    public override IEnumerable<Finding> Check(ReviewedModel model)
    {
        TensorType type = model.Graph.TypeOf(model.Graph.Outputs[0]);
        if (model.Spec.Train is { Loss: "CrossEntropy" } && model.Last >= 0 && type.Rank >= 2 && type.Shape[1].Constant == 1)
        {
            yield return new Finding(model.Last, $"The scores {type.ShapeText()} have one class, whose probability is always 1: the loss is zero and nothing is learned; use Loss.BCEWithLogits for yes or no, or two classes");
        }
    }
}
