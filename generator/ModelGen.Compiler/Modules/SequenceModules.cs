using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Modules;

/// <summary>Linear layers, embeddings, recurrent networks and attention: TorchSharp's layer types.</summary>
internal static class SequenceModules
{
    public static IReadOnlyList<ModuleDefinition> All { get; } =
    [
        SimpleModule.Of("Linear", static c => c.Graph.Add("linear", [c.Input, c.Weight("weight"), c.Weight("bias")]), LinearTensors),
        SimpleModule.Of(
            "Bilinear",
            static c => SequenceLowering.Bilinear(c.Graph, c.Tensor(0, "input1"), c.Tensor(1, "input2"), c.Weight("weight"), c.Weight("bias")),
            static a => Biased(a, "hasBias", ModuleTensor.Parameter("weight", a.Int("out_features", 1), a.Int("in1_features", 1), a.Int("in2_features", 1)), a.Int("out_features", 1))),
        SimpleModule.Of("Embedding", Embedding, static a => [ModuleTensor.Parameter("weight", a.Int("num_embeddings", 1), a.Int("embedding_dims", 1))]),
        SimpleModule.Of("EmbeddingBag", EmbeddingBag, static a => [ModuleTensor.Parameter("weight", a.Int("num_embeddings", 1), a.Int("embedding_dims", 1))]),
        new SimpleModule("LSTM", static c => SequenceLowering.Recurrent(c, "lstm", 2), static a => SequenceLowering.RecurrentTensors(a, 4)),
        new SimpleModule("GRU", static c => SequenceLowering.Recurrent(c, "gru", 1), static a => SequenceLowering.RecurrentTensors(a, 3)),
        new SimpleModule("RNN", static c => SequenceLowering.Recurrent(c, c.Settings["nonLinearity"] is SymEnum { Member: "ReLU" } ? "rnn_relu" : "rnn_tanh", 1), static a => SequenceLowering.RecurrentTensors(a, 1)),
        new SimpleModule("LSTMCell", SequenceLowering.LstmCell, static a => SequenceLowering.CellTensors(a, 4)),
        SimpleModule.Of("GRUCell", SequenceLowering.GruCell, static a => SequenceLowering.CellTensors(a, 3)),
        SimpleModule.Of("RNNCell", SequenceLowering.RnnCell, static a => SequenceLowering.CellTensors(a, 1)),
        new SimpleModule("MultiheadAttention", Attention, AttentionTensors),
        .. TransformerModules.All,
    ];

    private static IEnumerable<ModuleTensor> Biased(Arguments a, string flag, ModuleTensor weight, long size) =>
        a.Flag(flag, true) ? [weight, ModuleTensor.Parameter("bias", size)] : [weight];

    private static IEnumerable<ModuleTensor> LinearTensors(Arguments a)
    {
        if (a["weight"] is SymTensor)
        {
            // Made over existing parameters, which take the place of these.
            return a["bias"] is null ? [ModuleTensor.Parameter("weight", 1, 1)] : [ModuleTensor.Parameter("weight", 1, 1), ModuleTensor.Parameter("bias", 1)];
        }

        return Biased(a, "hasBias", ModuleTensor.Parameter("weight", a.Int("outputSize", 1), a.Int("inputSize", 1)), a.Int("outputSize", 1));
    }

    private static int Embedding(ModuleCall c)
    {
        CheckTable(c);
        if (c.Settings["padding_idx"] is null)
        {
            return c.Graph.Add("embedding", [c.Weight("weight"), c.Input]);
        }

        // Negative ones count from the end.
        long padding = c.Settings.Int("padding_idx", 0);
        return c.Graph.Add("embedding", [c.Weight("weight"), c.Input], ("padding_index", padding < 0 ? padding + c.Settings.Int("num_embeddings", 1) : padding));
    }

    private static void CheckTable(ModuleCall c)
    {
        if (c.Settings["max_norm"] is not null || c.Settings.Flag("scale_grad_by_freq"))
        {
            throw new UnsupportedException("embeddings with max_norm or scale_grad_by_freq are not supported");
        }
    }

    private static int EmbeddingBag(ModuleCall c)
    {
        CheckTable(c);
        GraphBuilder g = c.Graph;
        if (g.TypeOf(c.Input).Rank != 2 || c.Argument(1, "offsets") is not null || c.Argument(2, "perSampleWeights") is not null || c.Settings.Int("padding_index", -1) >= 0)
        {
            throw new UnsupportedException("EmbeddingBag is supported for bags of one length [N, L] without offsets, weights or padding index");
        }

        int rows = g.Add("embedding", [c.Weight("weight"), c.Input]);
        string op = c.Settings["mode"] is SymEnum { Member: string mode } ? mode switch { "Sum" => "sum", "Max" => "amax", _ => "mean" } : "mean";
        return g.Add(op, [rows], ("axes", new[] { 1L }), ("keep", false));
    }

    internal static IEnumerable<ModuleTensor> AttentionTensors(string prefix, long embedding, bool bias)
    {
        yield return ModuleTensor.Parameter(prefix + "in_proj_weight", 3 * embedding, embedding);
        if (bias)
        {
            yield return ModuleTensor.Parameter(prefix + "in_proj_bias", 3 * embedding);
        }

        yield return ModuleTensor.Parameter(prefix + "out_proj.weight", embedding, embedding);
        if (bias)
        {
            yield return ModuleTensor.Parameter(prefix + "out_proj.bias", embedding);
        }
    }

    private static IEnumerable<ModuleTensor> AttentionTensors(Arguments a)
    {
        long embedding = a.Int("embedded_dim", 1);
        if (a.Flag("add_bias_kv") || a.Flag("add_zero_attn") || (a["kdim"] is not null && a.Int("kdim", 0) != embedding) || (a["vdim"] is not null && a.Int("vdim", 0) != embedding))
        {
            throw new UnsupportedException("MultiheadAttention with add_bias_kv, add_zero_attn, kdim or vdim is not supported");
        }

        return AttentionTensors("", embedding, a.Flag("bias", true));
    }

    private static SymList Attention(ModuleCall c)
    {
        (int output, int weights) = SequenceLowering.Attend(
            c.Graph, c.Tensor(0, "query"), c.Tensor(1, "key"), c.Tensor(2, "value"), c.Weight, c.Settings.Int("num_heads", 1), c.Tensor(3, "key_padding_mask"), c.Tensor(5, "attn_mask"),
            c.Settings.Number("dropout", 0), c.Argument(4, "need_weights") is not false);
        return new SymList([new SymTensor(output), weights < 0 ? null : new SymTensor(weights)]);
    }
}
