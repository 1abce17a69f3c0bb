using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Advice.Rules;

/// <summary>MG6007: two linear layers without anything between them, the first at least as wide as it needs to be, equal one.</summary>
internal sealed class LinearAfterLinear : ModelRule
{
    public override string Id => "MG6007";

    public override IEnumerable<Finding> Check(ReviewedModel model)
    {
        foreach ((int index, Node second) in model.Nodes("linear"))
        {
            int producer = model.Producer(second.Inputs[0]);
            if (producer < 0 || model.Graph.Nodes[producer] is not { Op: "linear" } first || model.OnlyReader(first.Outputs[0]) != index
                || model.LayerType(first) != "Linear" || model.LayerType(second) != "Linear")
            {
                continue;
            }

            (Dim inputs, Dim hidden, Dim outputs) = (model.Graph.TypeOf(first.Inputs[1]).Shape[1], model.Graph.TypeOf(first.Inputs[1]).Shape[0], model.Graph.TypeOf(second.Inputs[1]).Shape[0]);
            if (hidden.Constant >= Math.Min(inputs.Constant ?? 0, outputs.Constant ?? 0))
            {
                yield return new Finding(index, $"{model.Name(first)} ({inputs} to {hidden}) and {model.Name(second)} ({hidden} to {outputs}) follow each other without an activation, so that together they can express no more than one layer from {inputs} to {outputs}; add an activation between them, or keep one");
            }
        }
    }
}
