using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Layers;

/// <summary>Multi-head attention on batch-first sequences, with PyTorch's parameter names.</summary>
internal sealed class AttentionLayer : LayerDefinition
{
    public override string Name => "MultiheadAttention";

    public override (int Least, int Most) Inputs => (1, 3);

    public override int Apply(LayerContext c, int[] inputs)
    {
        GraphBuilder g = c.Graph;
        (int query, int key, int value) = inputs.Length switch
        {
            1 => (inputs[0], inputs[0], inputs[0]),
            3 => (inputs[0], inputs[1], inputs[2]),
            _ => throw new OpException("MultiheadAttention takes one tensor (self-attention) or three (query, key, value)"),
        };
        TensorType q = g.TypeOf(query);
        if (q.Rank != 3 || g.TypeOf(key).Rank != 3 || g.TypeOf(value).Rank != 3)
        {
            throw new OpException($"MultiheadAttention needs sequences [N, T, E], got {q.ShapeText()}, {g.TypeOf(key).ShapeText()} and {g.TypeOf(value).ShapeText()}");
        }

        long embedding = c.Infer(query, 2, "embedding size");
        long heads = c.Int("Heads");
        if (heads < 1 || embedding % heads != 0)
        {
            throw new OpException($"MultiheadAttention: the embedding size {Invariant.Text(embedding)} is not a multiple of {Invariant.Text(heads)} heads");
        }

        if (g.TypeOf(key).Shape[2].Constant != embedding || g.TypeOf(value).Shape[2].Constant != embedding)
        {
            throw new OpException($"MultiheadAttention: query, key and value must have the same embedding size, got {q.ShapeText()}, {g.TypeOf(key).ShapeText()} and {g.TypeOf(value).ShapeText()}");
        }

        bool bias = c.Bool("Bias");
        int weight = c.Parameter("in_proj_weight", 3 * embedding, embedding);
        int offset = bias ? c.Parameter("in_proj_bias", 3 * embedding) : -1;
        int outWeight = c.Parameter("out_proj.weight", embedding, embedding);
        int outBias = bias ? c.Parameter("out_proj.bias", embedding) : -1;
        int[] projected = Project(g, [query, key, value], weight, offset, embedding);
        int[] split = [.. projected.Select(x => SplitHeads(g, x, heads, embedding / heads))];
        int attended = Attention.Apply(g, split[0], split[1], split[2], mask: -1, causal: c.Bool("Causal"), c.Double("Dropout"));
        int joined = g.Reshape(g.Permute(attended, 0, 2, 1, 3), q.Shape);
        return g.Add("linear", [joined, outWeight, outBias]);
    }

    public override IEnumerable<(string Name, int? Rank)> ParameterRanks(Func<string, object?> argument)
    {
        (string, int?)[] weights = [("in_proj_weight", 2), ("out_proj.weight", 2)];
        return argument("Bias") is false ? weights : [.. weights, ("in_proj_bias", 1), ("out_proj.bias", 1)];
    }

    public override string Construct(Func<string, string> argument, IReadOnlyList<string> sizes) =>
        $"global::TorchSharp.torch.nn.MultiheadAttention({sizes[0]}, {argument("Heads")}, dropout: {argument("Dropout")}, bias: {argument("Bias")})";

    public override string Call(string module, IReadOnlyList<string> inputs, Func<string, string> argument)
    {
        string tensors = inputs.Count == 1 ? $"{inputs[0]}, {inputs[0]}, {inputs[0]}" : string.Join(", ", inputs);
        return $"global::ModelGen.Sizes.Attend({module}, {tensors}, causal: {argument("Causal")})";
    }

    /// <summary>Query, key and value projections: one product when all three are the same tensor.</summary>
    private static int[] Project(GraphBuilder g, int[] inputs, int weight, int bias, long size)
    {
        if (inputs[0] == inputs[1] && inputs[1] == inputs[2])
        {
            int all = g.Add("linear", [inputs[0], weight, bias]);
            return [.. Enumerable.Range(0, 3).Select(part => g.Slice(all, 2, part * size, size))];
        }

        return
        [
            .. inputs.Select((input, part) => g.Add(
                "linear",
                [input, g.Slice(weight, 0, part * size, size), bias < 0 ? -1 : g.Slice(bias, 0, part * size, size)])),
        ];
    }

    private static int SplitHeads(GraphBuilder g, int x, long heads, long size)
    {
        EquatableArray<Dim> shape = g.TypeOf(x).Shape;
        return g.Permute(g.Reshape(x, new[] { shape[0], shape[1], heads, size }), 0, 2, 1, 3);
    }
}

/// <summary>Scaled dot-product attention written with elementary operators.</summary>
internal static class Attention
{
    /// <summary>Softmax(q kT / sqrt(d) + mask) v for <c>[..., T, d]</c>; a boolean mask is true where attention is allowed, as in PyTorch.</summary>
    public static int Apply(GraphBuilder g, int query, int key, int value, int mask, bool causal, double dropout)
    {
        EquatableArray<Dim> shape = g.TypeOf(query).Shape;
        long size = shape[shape.Count - 1].Constant ?? throw new UnsupportedException("the size of attention heads must be known during the build");
        int scores = g.Times(g.MatMul(query, g.Transposed(key)), 1 / Math.Sqrt(size));
        if (causal)
        {
            EquatableArray<Dim> square = g.TypeOf(scores).Shape.Skip(g.TypeOf(scores).Rank - 2).ToEquatableArray();
            scores = g.Add("masked_fill", [scores, g.Add("causal_mask", [], ("shape", square))], ("value", double.NegativeInfinity));
        }

        if (mask >= 0 && g.TypeOf(mask).DType == DType.Bool)
        {
            int blocked = g.Add("eq", [g.Cast(mask, DType.Float32), g.Constant(0, DType.Float32)]);
            scores = g.Add("masked_fill", [scores, blocked], ("value", double.NegativeInfinity));
        }
        else if (mask >= 0)
        {
            scores = g.Plus(scores, mask);
        }

        int weights = g.Add("softmax", [scores], ("axis", (long)(g.TypeOf(scores).Rank - 1)));
        return g.MatMul(dropout > 0 ? g.Add("dropout", [weights], ("p", dropout)) : weights, value);
    }
}
