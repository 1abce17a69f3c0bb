using ModelGen.Compiler.Ir;

namespace ModelGen.Compiler.Advice.Rules;

/// <summary>MG6006: a layer that is called, but whose result reaches no output.</summary>
internal sealed class ResultUnused : ModelRule
{
    public override string Id => "MG6006";

    public override IEnumerable<Finding> Check(ReviewedModel model)
    {
        bool[] needed = new bool[model.Graph.Values.Count];
        foreach (int output in model.Graph.Outputs)
        {
            needed[output] = true;
        }

        var unused = new List<int>();
        for (int i = model.Graph.Nodes.Count - 1; i >= 0; i--)
        {
            Node node = model.Graph.Nodes[i];
            if (node.Outputs.Any(output => needed[output]))
            {
                foreach (int input in node.Inputs.Where(static input => input >= 0))
                {
                    needed[input] = true;
                }
            }
            else if (!MovesStatistics(node) && node.Layer.Length > 0 && node.Inputs.Any(input => input >= 0 && model.Graph.Values[input].Kind == ValueKind.Parameter))
            {
                unused.Add(i);
            }
        }

        // A layer with several results, or called twice, is in use when one of its calls is.
        HashSet<string> used = [.. model.Graph.Nodes.Where(node => node.Outputs.Any(output => needed[output])).Select(static node => node.Layer)];
        foreach (int index in unused.AsEnumerable().Reverse())
        {
            Node node = model.Graph.Nodes[index];
            if (used.Add(node.Layer))
            {
                yield return new Finding(index, $"{model.Name(node)} is called, but its result reaches no output of the model: it computes for nothing, and its parameters never learn");
            }
        }
    }

    /// <summary>Whether calling the layer has an effect of its own: running statistics move although nobody reads the result.</summary>
    private static bool MovesStatistics(Node node) => ReviewedModel.Definition(node).HasSideEffect || node.Op is "batch_norm" or "instance_norm_running";
}
