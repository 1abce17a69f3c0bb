using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Ops;

namespace ModelGen.Compiler.Modules;

/// <summary>Transformer layers and stacks, post-norm as TorchSharp has them (Vaswani et al., arXiv:1706.03762).</summary>
internal static class TransformerModules
{
    public static IReadOnlyList<ModuleDefinition> All { get; } =
    [
        SimpleModule.Of("TransformerEncoderLayer", static c => EncoderLayer(c, "", c.Settings, c.Tensor(0, "src"), c.Tensor(1, "src_mask"), c.Tensor(2, "src_key_padding_mask")), static a => LayerTensors(a, "", decoder: false)),
        SimpleModule.Of("TransformerEncoder", static c => Encoder(c, "", Inner(c, "encoder_layer"), c.Settings.Int("num_layers", 1), c.Tensor(0, "src"), c.Tensor(1, "src_mask"), c.Tensor(2, "src_key_padding_mask")), static a => StackTensors(a, "encoder_layer", decoder: false)),
        SimpleModule.Of(
            "TransformerDecoderLayer",
            static c => DecoderLayer(c, "", c.Settings, c.Tensor(0, "tgt"), c.Tensor(1, "memory"), new DecoderMasks(c.Tensor(2, "tgt_mask"), c.Tensor(3, "memory_mask"), c.Tensor(4, "tgt_key_padding_mask"), c.Tensor(5, "memory_key_padding_mask"))),
            static a => LayerTensors(a, "", decoder: true)),
        SimpleModule.Of(
            "TransformerDecoder",
            static c => Decoder(c, "", Inner(c, "decoder_layer"), c.Settings.Int("num_layers", 1), c.Tensor(0, "tgt"), c.Tensor(1, "memory"), new DecoderMasks(c.Tensor(2, "tgt_mask"), c.Tensor(3, "memory_mask"), c.Tensor(4, "tgt_key_padding_mask"), c.Tensor(5, "memory_key_padding_mask"))),
            static a => StackTensors(a, "decoder_layer", decoder: true)),
        SimpleModule.Of("Transformer", Transformer, TransformerTensors),
    ];

    private sealed record DecoderMasks(int Target, int Memory, int TargetPadding, int MemoryPadding);

    private static Arguments Inner(ModuleCall c, string name) => (c.Settings[name] as SymModule)?.Settings ?? throw new UnsupportedException($"the argument '{name}' is not known during the build");

    private static IEnumerable<ModuleTensor> LayerTensors(Arguments a, string prefix, bool decoder)
    {
        (long size, long feed) = (a.Int("d_model", 512), a.Int("dim_feedforward", 2048));
        IEnumerable<ModuleTensor> tensors = SequenceModules.AttentionTensors(prefix + "self_attn.", size, bias: true);
        if (decoder)
        {
            tensors = tensors.Concat(SequenceModules.AttentionTensors(prefix + "multihead_attn.", size, bias: true));
        }

        tensors = tensors.Concat(
        [
            ModuleTensor.Parameter(prefix + "linear1.weight", feed, size), ModuleTensor.Parameter(prefix + "linear1.bias", feed),
            ModuleTensor.Parameter(prefix + "linear2.weight", size, feed), ModuleTensor.Parameter(prefix + "linear2.bias", size),
        ]);
        return tensors.Concat(Enumerable.Range(1, decoder ? 3 : 2).SelectMany(index => NormTensors($"{prefix}norm{Invariant.Text(index)}", size)));
    }

    private static IEnumerable<ModuleTensor> NormTensors(string prefix, long size) => [ModuleTensor.Parameter(prefix + ".weight", size), ModuleTensor.Parameter(prefix + ".bias", size)];

    private static IEnumerable<ModuleTensor> StackTensors(Arguments a, string name, bool decoder)
    {
        Arguments layer = (a[name] as SymModule)?.Settings ?? throw new UnsupportedException($"the argument '{name}' is not known during the build");
        return Enumerable.Range(0, (int)a.Int("num_layers", 1)).SelectMany(index => LayerTensors(layer, $"layers.{Invariant.Text(index)}.", decoder));
    }

    private static IEnumerable<ModuleTensor> TransformerTensors(Arguments a)
    {
        long size = a.Int("d_model", 512);
        IEnumerable<ModuleTensor> Stack(string name, long count, bool decoder) =>
            Enumerable.Range(0, (int)count).SelectMany(index => LayerTensors(a, $"{name}.layers.{Invariant.Text(index)}.", decoder)).Concat(NormTensors(name + ".norm", size));
        return Stack("encoder", a.Int("num_encoder_layers", 6), decoder: false).Concat(Stack("decoder", a.Int("num_decoder_layers", 6), decoder: true));
    }

    private static int Transformer(ModuleCall c)
    {
        int memory = Encoder(c, "encoder.", c.Settings, c.Settings.Int("num_encoder_layers", 6), c.Tensor(0, "src"), c.Tensor(2, "src_mask"), c.Tensor(5, "src_key_padding_mask"));
        memory = Norm(c, memory, "encoder.norm");
        var masks = new DecoderMasks(c.Tensor(3, "tgt_mask"), c.Tensor(4, "memory_mask"), c.Tensor(6, "tgt_key_padding_mask"), c.Tensor(7, "memory_key_padding_mask"));
        int decoded = Decoder(c, "decoder.", c.Settings, c.Settings.Int("num_decoder_layers", 6), c.Tensor(1, "tgt"), memory, masks);
        return Norm(c, decoded, "decoder.norm");
    }

    private static int Encoder(ModuleCall c, string prefix, Arguments settings, long layers, int x, int mask, int padding)
    {
        for (int i = 0; i < layers; i++)
        {
            x = EncoderLayer(c, $"{prefix}layers.{Invariant.Text(i)}.", settings, x, mask, padding);
        }

        return x;
    }

    private static int Decoder(ModuleCall c, string prefix, Arguments settings, long layers, int x, int memory, DecoderMasks masks)
    {
        for (int i = 0; i < layers; i++)
        {
            x = DecoderLayer(c, $"{prefix}layers.{Invariant.Text(i)}.", settings, x, memory, masks);
        }

        return x;
    }

    private static int EncoderLayer(ModuleCall c, string prefix, Arguments a, int x, int mask, int padding)
    {
        x = Norm(c, c.Graph.Plus(x, Drop(c, a, Attend(c, prefix + "self_attn.", a, x, x, mask, padding))), prefix + "norm1");
        return Norm(c, c.Graph.Plus(x, Drop(c, a, FeedForward(c, prefix, a, x))), prefix + "norm2");
    }

    private static int DecoderLayer(ModuleCall c, string prefix, Arguments a, int x, int memory, DecoderMasks masks)
    {
        x = Norm(c, c.Graph.Plus(x, Drop(c, a, Attend(c, prefix + "self_attn.", a, x, x, masks.Target, masks.TargetPadding))), prefix + "norm1");
        x = Norm(c, c.Graph.Plus(x, Drop(c, a, Attend(c, prefix + "multihead_attn.", a, x, memory, masks.Memory, masks.MemoryPadding))), prefix + "norm2");
        return Norm(c, c.Graph.Plus(x, Drop(c, a, FeedForward(c, prefix, a, x))), prefix + "norm3");
    }

    private static int Attend(ModuleCall c, string prefix, Arguments a, int query, int key, int mask, int padding) =>
        SequenceLowering.Attend(c.Graph, query, key, key, name => c.Weight(prefix + name), a.Int("nhead", 8), padding, mask, a.Number("dropout", 0.1), needWeights: false).Output;

    private static int FeedForward(ModuleCall c, string prefix, Arguments a, int x)
    {
        int hidden = c.Graph.Add("linear", [x, c.Weight(prefix + "linear1.weight"), c.Weight(prefix + "linear1.bias")]);
        hidden = a["activation"] is SymEnum { Member: "GELU" } ? c.Graph.Unary("gelu", hidden, ("tanh", false)) : c.Graph.Unary("relu", hidden);
        return c.Graph.Add("linear", [Drop(c, a, hidden), c.Weight(prefix + "linear2.weight"), c.Weight(prefix + "linear2.bias")]);
    }

    private static int Drop(ModuleCall c, Arguments a, int x) => a.Number("dropout", 0.1) > 0 ? c.Graph.Add("dropout", [x], ("p", a.Number("dropout", 0.1))) : x;

    private static int Norm(ModuleCall c, int x, string name) => c.Graph.Add("layer_norm", [x, c.Weight(name + ".weight"), c.Weight(name + ".bias")], ("eps", 1e-5));
}
