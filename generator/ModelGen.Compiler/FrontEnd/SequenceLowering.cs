using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Modules;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.FrontEnd;

/// <summary>What recurrent and attention layers write into the graph.</summary>
internal static class SequenceLowering
{
    public static int CosineSimilarity(GraphBuilder g, int a, int b, long dim, double eps)
    {
        EquatableArray<Dim> shape = OpContext.Broadcast("cosine_similarity", g.TypeOf(a).Shape, g.TypeOf(b).Shape);
        long axis = OpContext.Axis("cosine_similarity", dim, shape.Count);
        int Stretched(int x) => g.TypeOf(x).Shape.Equals(shape) ? x : g.Add("expand", [x], ("shape", shape));
        (a, b) = (Stretched(a), Stretched(b));
        int Length(int x) => g.Unary("clamp", g.Add("l2_norm", [x], ("axis", axis), ("keep", false)), ("min", eps), ("max", double.PositiveInfinity));
        int dot = g.Sum(g.Times(a, b), [axis], keep: false);
        return g.Over(dot, g.Times(Length(a), Length(b)));
    }

    public static int Bilinear(GraphBuilder g, int a, int b, int weight, int bias)
    {
        int product = TensorFunctions.Einsum(g, "...i,oij,...j->...o", [a, weight, b]);
        return bias < 0 ? product : g.Plus(product, bias);
    }

    /// <summary>LSTM, GRU or RNN of several layers, one or two directions, either layout.</summary>
    public static SymList Recurrent(ModuleCall c, string op, int states)
    {
        GraphBuilder g = c.Graph;
        Arguments a = c.Settings;
        (long hidden, long layers) = (a.Int("hiddenSize", 1), a.Int("numLayers", 1));
        bool batchFirst = a.Flag("batchFirst");
        bool bias = a.Flag("bias", true);
        int directions = a.Flag("bidirectional") ? 2 : 1;
        int x = c.Tensor(0, "input");
        if (g.TypeOf(x).Rank != 3)
        {
            throw new UnsupportedException($"a recurrent layer takes a batch of sequences with three dimensions, got {g.TypeOf(x).ShapeText()}");
        }

        x = batchFirst ? g.Permute(x, 1, 0, 2) : x;
        Dim batch = g.TypeOf(x).Shape[1];
        object? given = c.Argument(1, states == 2 ? "h0_c0" : "h0");
        int[] initial = Initial(g, given, states, new[] { layers * directions, batch, hidden }, g.TypeOf(x).DType);
        var last = new List<int>[states];
        for (int layer = 0; layer < layers; layer++)
        {
            var operands = new List<int> { x };
            operands.AddRange(initial.Select(state => g.Slice(state, 0, layer * directions, directions)));
            for (int direction = 0; direction < directions; direction++)
            {
                foreach (string name in WeightNames(layer, direction, bias))
                {
                    operands.Add(c.Weight(name));
                }
            }

            EquatableArray<int> results = g.AddNode(op, operands.ToArray(), OpAttributes.Of(("bias", bias), ("bidirectional", directions == 2)));
            x = results[0];
            for (int state = 0; state < states; state++)
            {
                (last[state] ??= []).Add(results[state + 1]);
            }

            if (layer < layers - 1 && a.Number("dropout", 0) > 0)
            {
                x = g.Add("dropout", [x], ("p", a.Number("dropout", 0)));
            }
        }

        int y = batchFirst ? g.Permute(x, 1, 0, 2) : x;
        return new SymList([new SymTensor(y), .. last.Select(parts => new SymTensor(parts.Count == 1 ? parts[0] : g.Add("cat", [.. parts], ("axis", 0L))))]);
    }

    public static IEnumerable<ModuleTensor> RecurrentTensors(Arguments a, int gates)
    {
        (long inputs, long hidden) = (a.Int("inputSize", 1), a.Int("hiddenSize", 1));
        int directions = a.Flag("bidirectional") ? 2 : 1;
        for (int layer = 0; layer < a.Int("numLayers", 1); layer++)
        {
            for (int direction = 0; direction < directions; direction++)
            {
                string[] names = [.. WeightNames(layer, direction, a.Flag("bias", true))];
                yield return ModuleTensor.Parameter(names[0], gates * hidden, layer == 0 ? inputs : hidden * directions);
                yield return ModuleTensor.Parameter(names[1], gates * hidden, hidden);
                foreach (string name in names.Skip(2))
                {
                    yield return ModuleTensor.Parameter(name, gates * hidden);
                }
            }
        }
    }

    public static IEnumerable<ModuleTensor> CellTensors(Arguments a, int gates)
    {
        (long inputs, long hidden) = (a.Int("inputSize", 1), a.Int("hiddenSize", 1));
        yield return ModuleTensor.Parameter("weight_ih", gates * hidden, inputs);
        yield return ModuleTensor.Parameter("weight_hh", gates * hidden, hidden);
        if (a.Flag("bias", true))
        {
            yield return ModuleTensor.Parameter("bias_ih", gates * hidden);
            yield return ModuleTensor.Parameter("bias_hh", gates * hidden);
        }
    }

    public static SymList LstmCell(ModuleCall c)
    {
        GraphBuilder g = c.Graph;
        long hidden = c.Settings.Int("hiddenSize", 1);
        int x = c.Tensor(0, "input");
        int[] state = Initial(g, c.Argument(1, "h0_c0"), 2, new[] { g.TypeOf(x).Shape[0], hidden }, g.TypeOf(x).DType);
        int gates = g.Plus(g.Add("linear", [x, c.Weight("weight_ih"), c.Weight("bias_ih")]), g.Add("linear", [state[0], c.Weight("weight_hh"), c.Weight("bias_hh")]));
        int Gate(int index) => g.Slice(gates, 1, index * hidden, hidden);
        int cell = g.Plus(g.Times(g.Unary("sigmoid", Gate(1)), state[1]), g.Times(g.Unary("sigmoid", Gate(0)), g.Unary("tanh", Gate(2))));
        return new SymList([new SymTensor(g.Times(g.Unary("sigmoid", Gate(3)), g.Unary("tanh", cell))), new SymTensor(cell)]);
    }

    public static int GruCell(ModuleCall c)
    {
        GraphBuilder g = c.Graph;
        long hidden = c.Settings.Int("hiddenSize", 1);
        int x = c.Tensor(0, "input");
        int state = Initial(g, c.Argument(1, "h0"), 1, new[] { g.TypeOf(x).Shape[0], hidden }, g.TypeOf(x).DType)[0];
        int fromInput = g.Add("linear", [x, c.Weight("weight_ih"), c.Weight("bias_ih")]);
        int fromState = g.Add("linear", [state, c.Weight("weight_hh"), c.Weight("bias_hh")]);
        int Part(int value, int index) => g.Slice(value, 1, index * hidden, hidden);
        int reset = g.Unary("sigmoid", g.Plus(Part(fromInput, 0), Part(fromState, 0)));
        int update = g.Unary("sigmoid", g.Plus(Part(fromInput, 1), Part(fromState, 1)));
        int candidate = g.Unary("tanh", g.Plus(Part(fromInput, 2), g.Times(reset, Part(fromState, 2))));
        return g.Plus(candidate, g.Times(update, g.Minus(state, candidate)));
    }

    public static int RnnCell(ModuleCall c)
    {
        GraphBuilder g = c.Graph;
        int x = c.Tensor(0, "input");
        int state = Initial(g, c.Argument(1, "h0"), 1, new[] { g.TypeOf(x).Shape[0], c.Settings.Int("hiddenSize", 1) }, g.TypeOf(x).DType)[0];
        int sum = g.Plus(g.Add("linear", [x, c.Weight("weight_ih"), c.Weight("bias_ih")]), g.Add("linear", [state, c.Weight("weight_hh"), c.Weight("bias_hh")]));
        return g.Unary(c.Settings["nonLinearity"] is SymEnum { Member: "ReLU" } ? "relu" : "tanh", sum);
    }

    /// <summary>Multi-head attention on sequence-first tensors with PyTorch's packed projection. Gives the output and, if wanted, the weights averaged over heads.</summary>
    public static (int Output, int Weights) Attend(GraphBuilder g, int query, int key, int value, Func<string, int> weight, long heads, int keyPadding, int mask, double dropout, bool needWeights)
    {
        TensorType q = g.TypeOf(query);
        if (q.Rank != 3 || g.TypeOf(key).Rank != 3 || g.TypeOf(value).Rank != 3)
        {
            throw new UnsupportedException($"MultiheadAttention takes sequences [T, N, E], got {q.ShapeText()}");
        }

        Dim embedding = q.Shape[2];
        Dim size = Dim.DivideExactly(embedding, heads) ?? throw new OpException($"MultiheadAttention: the embedding size {embedding} is not a multiple of {Invariant.Text(heads)} heads");
        int projection = weight("in_proj_weight");
        int offset = weight("in_proj_bias");
        int[] inputs = [query, key, value];
        int[] projected = query == key && key == value
            ? Packed()
            : [.. inputs.Select((input, part) => g.Add("linear", [input, g.Slice(projection, 0, embedding * part, embedding), offset < 0 ? -1 : g.Slice(offset, 0, embedding * part, embedding)]))];
        int[] split = [.. projected.Select(SplitHeads)];
        int scores = g.Times(g.MatMul(split[0], g.Transposed(split[1])), 1 / Math.Sqrt(size.Constant ?? throw new UnsupportedException("the embedding size must be known during the build")));
        if (mask >= 0)
        {
            TensorType type = g.TypeOf(mask);
            if (!type.DType.IsFloat())
            {
                throw new UnsupportedException("TorchSharp 0.107 does not honour a boolean attn_mask as PyTorch does; pass a float mask with 0 where attention is allowed and negative infinity elsewhere");
            }

            EquatableArray<Dim> shape = g.TypeOf(scores).Shape;
            scores = g.Plus(scores, type.Rank == 3 && type.Shape[0].Constant != 1 ? g.Reshape(mask, shape) : mask);
        }

        if (keyPadding >= 0)
        {
            TensorType type = g.TypeOf(keyPadding);
            if (type.DType != DType.Bool)
            {
                throw new UnsupportedException("key_padding_mask must be boolean, true where a key is to be ignored");
            }

            int blocked = g.Reshape(keyPadding, new[] { type.Shape[0], 1, 1, type.Shape[1] });
            scores = g.Add("masked_fill", [scores, blocked], ("value", double.NegativeInfinity));
        }

        int weights = g.Add("softmax", [scores], ("axis", 3L));
        int dropped = dropout > 0 ? g.Add("dropout", [weights], ("p", dropout)) : weights;
        int joined = g.Reshape(g.Permute(g.MatMul(dropped, split[2]), 2, 0, 1, 3), q.Shape);
        int output = g.Add("linear", [joined, weight("out_proj.weight"), weight("out_proj.bias")]);
        return (output, needWeights ? g.Add("mean", [dropped], ("axes", new[] { 1L }), ("keep", false)) : -1);

        int[] Packed()
        {
            int all = g.Add("linear", [query, projection, offset]);
            return [.. Enumerable.Range(0, 3).Select(part => g.Slice(all, 2, embedding * part, embedding))];
        }

        int SplitHeads(int x)
        {
            EquatableArray<Dim> shape = g.TypeOf(x).Shape;
            return g.Permute(g.Reshape(x, new[] { shape[0], shape[1], heads, size }), 1, 2, 0, 3);
        }
    }

    private static IEnumerable<string> WeightNames(int layer, int direction, bool bias)
    {
        string suffix = "_l" + Invariant.Text(layer) + (direction == 1 ? "_reverse" : "");
        yield return "weight_ih" + suffix;
        yield return "weight_hh" + suffix;
        if (bias)
        {
            yield return "bias_ih" + suffix;
            yield return "bias_hh" + suffix;
        }
    }

    /// <summary>The initial states: given as a tensor or a tuple, or zeros.</summary>
    private static int[] Initial(GraphBuilder g, object? given, int states, EquatableArray<Dim> shape, DType type) => given switch
    {
        null => [.. Enumerable.Repeat(g.Add("full", [], ("shape", shape), ("value", 0.0), ("dtype", type)), states)],
        SymTensor one when states == 1 => [one.Id],
        SymList list when states == 2 && list.Items.Count == 2 && list.Items.All(static item => item is SymTensor) => [.. list.Items.Select(static item => ((SymTensor)item!).Id)],
        _ => throw new UnsupportedException("the initial state is not known during the build"),
    };
}
