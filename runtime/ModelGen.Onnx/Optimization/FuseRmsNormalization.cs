using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Optimization;

/// <summary>
/// Root mean square normalisation over the last axis, x / sqrt(mean(x^2) + epsilon) * weight: one RMSNormalization node from operator set 23 on. Before it the product with the reciprocal of the
/// root becomes a quotient, a form that ONNX Runtime makes one kernel of, which it does not with the product. Results change by rounding.
/// </summary>
internal sealed class FuseRmsNormalization : IModelPass
{
    public string Name => "RMS normalisations fused";

    public int Run(ModelGraph graph)
    {
        int count = 0;
        foreach (NodeProto scaled in graph.Nodes.Where(static node => node.Is("Mul")).ToArray())
        {
            count += Fuse(graph, scaled) ? 1 : 0;
        }

        graph.Commit();
        return count;
    }

    private static bool Fuse(ModelGraph graph, NodeProto scaled)
    {
        int place = graph.Constant(scaled.Input[0]) is not null ? 0 : 1;
        string value = scaled.Input[1 - place];
        if (graph.Constant(scaled.Input[place]) is not { DataType: (int)OnnxType.Float, Dims.Count: 1 } weight || (graph.Only(value, "Div") ?? graph.Only(value, "Mul")) is not { } normalised)
        {
            return false;
        }

        // x / root, or x * (1 / root).
        (string x, string root, NodeProto? reciprocal) = (normalised.Input[0], normalised.Input[1], null);
        if (normalised.Is("Mul"))
        {
            int turned = graph.Only(normalised.Input[0], "Reciprocal") is not null ? 0 : 1;
            reciprocal = graph.Only(normalised.Input[turned], "Reciprocal");
            (x, root) = (normalised.Input[1 - turned], reciprocal?.Input[0] ?? "");
        }

        if (graph.Only(root, "Sqrt") is not { } sqrt || graph.Only(sqrt.Input[0], "Add") is not { } add || graph.ElementType(x) != (int)OnnxType.Float || graph.Shape(x) is not { Length: > 0 } shape || shape[^1] != weight.Dims[0])
        {
            return false;
        }

        int constant = graph.Number(add.Input[0]) is not null ? 0 : 1;
        if (graph.Number(add.Input[constant]) is not float epsilon || graph.Only(add.Input[1 - constant], "ReduceMean") is not { } mean || !IsOverLast(graph, mean, shape.Length)
            || (graph.Only(mean.Input[0], "Pow") ?? graph.Only(mean.Input[0], "Mul")) is not { } square || square.Input[0] != x || !(square.Is("Mul") ? square.Input[1] == x : graph.Number(square.Input[1]) == 2))
        {
            return false;
        }

        if (graph.Opset < 23)
        {
            if (reciprocal is null)
            {
                return false;
            }

            graph.InsertBefore(normalised, new NodeProto { OpType = "Div", Name = reciprocal.Name + "_Div", Input = { x, root }, Output = { normalised.Output[0] }, MetadataProps = { normalised.MetadataProps } });
            graph.Remove(normalised);
            graph.Remove(reciprocal);
            return true;
        }

        graph.InsertBefore(scaled, new NodeProto
        {
            OpType = "RMSNormalization",
            Name = sqrt.Name[..(sqrt.Name.LastIndexOf('/') + 1)] + "RMSNormalization" + sqrt.Name[(sqrt.Name.LastIndexOf('/') + 1)..].Replace("Sqrt", "", StringComparison.Ordinal),
            Input = { x, weight.Name },
            Output = { scaled.Output[0] },
            Attribute = { OnnxAttribute.Int("axis", -1).Proto, OnnxAttribute.Float("epsilon", epsilon).Proto },
            MetadataProps = { scaled.MetadataProps },
        });
        foreach (NodeProto? gone in (NodeProto?[])[scaled, normalised, reciprocal, sqrt, add, mean, square])
        {
            if (gone is not null)
            {
                graph.Remove(gone);
            }
        }

        return true;
    }

    private static bool IsOverLast(ModelGraph graph, NodeProto mean, int rank)
    {
        // Operator set 18 made the axes an operand.
        long[]? axes = mean.Has(1) ? graph.Constant(mean.Input[1]) is { } tensor ? TensorBytes.Longs(tensor) : null : mean.Attribute("axes")?.Ints.ToArray();
        return axes is [var axis] && (axis == -1 || axis == rank - 1) && mean.Int("keepdims", 1) == 1;
    }
}
