using ModelGen.Onnx.Proto;

namespace ModelGen.Onnx.Optimization;

/// <summary>
/// From operator set 23 on: product of queries and keys, scale, mask, softmax and product with the values become one Attention node, which ONNX Runtime runs without writing the scores
/// out. Queries, keys and values must be <c>[batch, heads, length, size]</c>.
/// </summary>
internal sealed class FuseAttention : IModelPass
{
    public string Name => "attentions fused";

    public int Run(ModelGraph graph)
    {
        if (graph.Opset < 23)
        {
            return 0;
        }

        int count = 0;
        foreach (NodeProto softmax in graph.Nodes.Where(static node => node.Is("Softmax")).ToArray())
        {
            count += Fuse(graph, softmax) ? 1 : 0;
        }

        graph.Commit();
        return count;
    }

    private static bool Fuse(ModelGraph graph, NodeProto softmax)
    {
        if (graph.Shape(softmax.Input[0]) is not { Length: 4 } || softmax.Int("axis", -1) is not (-1 or 3)
            || graph.OnlyReader(softmax.Output[0]) is not { } product || !product.Is("MatMul") || product.Input[0] != softmax.Output[0] || graph.Shape(product.Input[1]) is not { Length: 4 })
        {
            return false;
        }

        var gone = new List<NodeProto> { softmax };
        string scores = softmax.Input[0];
        string? mask = null;
        bool masksOut = false;
        if (graph.Only(scores, "Add") is { } add && Other(graph, add) is { } added && graph.Shape(added.Mask) is { Length: 2 or 4 })
        {
            gone.Add(add);
            (scores, mask) = added;
        }
        else if (graph.Only(scores, "Where") is { } where && graph.Constant(where.Input[1]) is { DataType: (int)OnnxType.Float } fill && TensorBytes.Floats(fill) is [float.NegativeInfinity]
            && graph.Constant(where.Input[0]) is { DataType: (int)OnnxType.Bool, Dims.Count: 2 or 4 } hidden && !HidesARow(hidden))
        {
            gone.Add(where);
            (scores, mask, masksOut) = (where.Input[2], where.Input[0], true);
        }

        float scale = 1;
        if (graph.Only(scores, "Mul") is { } multiply && graph.Number(multiply.Input[1]) is float factor)
        {
            gone.Add(multiply);
            (scores, scale) = (multiply.Input[0], factor);
        }
        else if (graph.Only(scores, "Div") is { } divide && graph.Number(divide.Input[1]) is float divisor)
        {
            gone.Add(divide);
            (scores, scale) = (divide.Input[0], 1 / divisor);
        }

        if (!(scale > 0) || graph.Only(scores, "MatMul") is not { } similarity || graph.Shape(similarity.Input[0]) is not { Length: 4 } queries
            || graph.Producer(similarity.Input[1]) is not { } turn || !turn.Is("Transpose") || turn.Attribute("perm")?.Ints is not { Count: 4 } order
            || graph.Shape(similarity.Input[1]) is not { Length: 4 } keys || graph.Shape(product.Input[1])![1] != queries[1] || keys[1] != queries[1])
        {
            return false;
        }

        gone.Add(similarity);
        string key = graph.FreshName(similarity.Output[0] + "_keys");
        graph.InsertBefore(softmax, new NodeProto
        {
            OpType = "Transpose",
            Name = softmax.Name + "_keys",
            Input = { turn.Input[0] },
            Output = { key },
            Attribute = { OnnxAttribute.Ints("perm", order[0], order[1], order[3], order[2]).Proto },
            MetadataProps = { turn.MetadataProps },
        });
        graph.Describe(key, OnnxType.Float, [keys[0], keys[1], keys[3], keys[2]]);
        if (masksOut)
        {
            string seen = graph.FreshName(mask + "_seen");
            graph.InsertBefore(softmax, new NodeProto { OpType = "Not", Name = softmax.Name + "_seen", Input = { mask }, Output = { seen }, MetadataProps = { softmax.MetadataProps } });
            graph.Describe(seen, OnnxType.Bool, graph.Shape(mask!)!);
            mask = seen;
        }

        var attention = new NodeProto
        {
            OpType = "Attention",
            Name = softmax.Name[..(softmax.Name.LastIndexOf('/') + 1)] + "Attention" + softmax.Name[(softmax.Name.LastIndexOf('/') + 1)..].Replace("Softmax", "", StringComparison.Ordinal),
            Input = { similarity.Input[0], key, product.Input[1] },
            Output = { product.Output[0] },
            Attribute = { OnnxAttribute.Float("scale", scale).Proto },
            MetadataProps = { softmax.MetadataProps },
        };
        if (mask is not null)
        {
            attention.Input.Add(mask);
        }

        graph.InsertBefore(product, attention);
        graph.Remove(product);
        gone.ForEach(graph.Remove);
        return true;
    }

    /// <summary>Scores and mask of a sum: the scores come from a product or a scale.</summary>
    private static (string Scores, string Mask)? Other(ModelGraph graph, NodeProto add) => graph.Producer(add.Input[0]) is { OpType: "MatMul" or "Mul" or "Div" } ? (add.Input[0], add.Input[1])
        : graph.Producer(add.Input[1]) is { OpType: "MatMul" or "Mul" or "Div" } ? (add.Input[1], add.Input[0]) : null;

    /// <summary>A query that sees no key gives NaN in a softmax, and need not in Attention.</summary>
    private static bool HidesARow(TensorProto mask)
    {
        int width = (int)mask.Dims[^1];
        return TensorBytes.Raw(mask).RawData.ToByteArray().Chunk(Math.Max(width, 1)).Any(static row => row.All(static hidden => hidden != 0));
    }
}
