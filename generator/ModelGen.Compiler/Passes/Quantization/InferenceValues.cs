using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Passes;

/// <summary>Which value of the inference graph each value of a training graph becomes: dropout passes its operand through, everything else is the same operator on the same operands.</summary>
internal static class InferenceValues
{
    /// <summary>Finds them.</summary>
    /// <param name="training">A graph in which dropout still stands.</param>
    /// <param name="inference">The same model's graph for inference.</param>
    /// <exception cref="OpException">The two differ in more than dropout.</exception>
    public static int[] Of(Graph training, Graph inference)
    {
        var known = new Dictionary<(string, EquatableArray<int>, OpAttributes), Node>();
        foreach (Node node in inference.Nodes)
        {
            known[(node.Op, node.Inputs, node.Attributes)] = node;
        }

        int[] result = new int[training.Values.Count];
        int[] unshaped = new int[training.Values.Count];
        Dictionary<(string, ValueKind), int> leaves = Enumerable.Range(0, inference.Values.Count).Where(value => inference.Values[value].Kind != ValueKind.Intermediate)
            .ToDictionary(value => (inference.Values[value].Name, inference.Values[value].Kind));
        for (int i = 0; i < result.Length; i++)
        {
            unshaped[i] = result[i] = training.Values[i].Kind == ValueKind.Intermediate ? -1 : leaves[(training.Values[i].Name, training.Values[i].Kind)];
        }

        foreach (Node node in training.Nodes)
        {
            if (IsDropout(node))
            {
                (result[node.Outputs[0]], unshaped[node.Outputs[0]]) = (result[node.Inputs[0]], unshaped[node.Inputs[0]]);
                continue;
            }

            EquatableArray<int> inputs = node.Inputs.Select(input => input < 0 ? -1 : result[input]).ToEquatableArray();
            if (node.Op == "reshape")
            {
                // Inference joins reshapes that only dropout keeps apart, so the first of them may be gone.
                int root = unshaped[node.Outputs[0]] = unshaped[node.Inputs[0]];
                result[node.Outputs[0]] = known.TryGetValue((node.Op, inputs, node.Attributes), out Node direct) ? direct.Outputs[0]
                    : known.TryGetValue((node.Op, new[] { root }, node.Attributes), out Node joined) ? joined.Outputs[0] : -1;
                continue;
            }

            if (!known.TryGetValue((node.Op, inputs, node.Attributes), out Node same))
            {
                string place = node.Source.Length > 0 ? node.Source : node.Layer.Length > 0 ? node.Layer : node.Op;
                throw new OpException($"quantization-aware training needs the operators of inference and nothing but dropout besides, and '{place}' ({node.Op}) is another one in training: dropout between a layer and its batch normalisation keeps the two apart, for example");
            }

            for (int i = 0; i < node.Outputs.Count; i++)
            {
                unshaped[node.Outputs[i]] = result[node.Outputs[i]] = same.Outputs[i];
            }
        }

        return result;
    }

    /// <summary>Whether inference passes the operand through.</summary>
    public static bool IsDropout(Node node) => node.Op is "dropout" or "channel_dropout" or "alpha_dropout" or "stop_gradient" && !node.Attributes.Bool("always");
}
