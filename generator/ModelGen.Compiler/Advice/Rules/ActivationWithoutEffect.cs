using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Advice.Rules;

/// <summary>MG6011: relu or abs of what is never negative.</summary>
internal sealed class ActivationWithoutEffect : ModelRule
{
    private static readonly string[] NeverNegative = ["relu", "sigmoid", "softmax", "abs", "exp", "square", "softplus"];

    /// <summary>Operators that keep values at or above zero.</summary>
    private static readonly string[] Keeps = ["max_pool", "dropout", "reshape", "permute"];

    public override string Id => "MG6011";

    public override IEnumerable<Finding> Check(ReviewedModel model)
    {
        foreach ((int index, Node node) in model.Nodes("relu", "abs"))
        {
            int producer = model.Producer(node.Inputs[0]);
            while (producer >= 0 && Keeps.Contains(model.Graph.Nodes[producer].Op))
            {
                producer = model.Producer(model.Graph.Nodes[producer].Inputs[0]);
            }

            if (producer >= 0 && NeverNegative.Contains(model.Graph.Nodes[producer].Op))
            {
                yield return new Finding(index, $"{node.Op} has no effect here: its input comes from {model.Graph.Nodes[producer].Op}, which is never negative; remove it, or look for the layer that is missing between them");
            }
        }
    }
}
