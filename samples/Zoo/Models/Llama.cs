namespace ModelGen.Samples.Zoo;

/// <summary>A small decoder in the manner of LLaMA (Touvron et al., arXiv:2302.13971): RMS normalisation, rotary positions, grouped queries, gated feed-forward.</summary>
[Model(Config = nameof(Tiny))]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class Llama : Module<Tensor, Tensor>
{
    private readonly Embedding embed_tokens;
    private readonly ModuleList<DecoderLayer> layers;
    private readonly RmsNorm norm;
    private readonly Linear lm_head;
    private readonly Rotary rotary;

    public Llama(Config config)
        : base(nameof(Llama))
    {
        embed_tokens = Embedding(config.Vocabulary, config.Width);
        layers = new ModuleList<DecoderLayer>([.. from i in Enumerable.Range(0, config.Layers) select new DecoderLayer(config)]);
        norm = new RmsNorm(config.Width);
        lm_head = Linear(config.Width, config.Vocabulary, hasBias: false);
        rotary = new Rotary(config.Width / config.Heads, config.Context);
        RegisterComponents();
    }

    public static Config Tiny => new() { Vocabulary = 512, Width = 96, Layers = 3, Heads = 6, KeyHeads = 2 };

    public override Tensor forward([Shape("N", "T", Type = ElementType.Int64)] Tensor tokens)
    {
        (Tensor cos, Tensor sin) = rotary.forward(tokens.shape[1]);
        Tensor x = embed_tokens.forward(tokens);
        foreach (DecoderLayer layer in layers)
        {
            x = layer.forward(x, cos, sin);
        }

        return lm_head.forward(norm.forward(x));
    }

    public readonly record struct Config()
    {
        public required int Vocabulary { get; init; }

        public required int Width { get; init; }

        public required int Layers { get; init; }

        public required int Heads { get; init; }

        public required int KeyHeads { get; init; }

        public int Context { get; init; } = 64;

        public int Hidden => 8 * Width / 3;
    }

    private sealed class RmsNorm : Module<Tensor, Tensor>
    {
        private readonly Parameter weight;
        private readonly double eps;

        public RmsNorm(int width, double eps = 1e-6)
            : base(nameof(RmsNorm))
        {
            weight = Parameter(ones(width));
            this.eps = eps;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            Tensor variance = x.to(ScalarType.Float32).pow(2).mean([-1], keepdim: true);
            return weight * (x * torch.rsqrt(variance + eps)).type_as(x);
        }
    }

    private sealed class Rotary : Module<long, (Tensor, Tensor)>
    {
        private readonly Tensor cos, sin;

        public Rotary(int size, int context)
            : base(nameof(Rotary))
        {
            Tensor rate = 1.0 / torch.pow(tensor(10000.0f), arange(0, size, 2).to_type(ScalarType.Float32) / size);
            Tensor angles = torch.outer(arange(context).to_type(ScalarType.Float32), rate);
            Tensor both = cat([angles, angles], -1);
            cos = both.cos();
            sin = both.sin();
            RegisterComponents();
        }

        public override (Tensor, Tensor) forward(long length) => (cos[..(int)length], sin[..(int)length]);
    }

    private sealed class DecoderLayer : Module<Tensor, Tensor, Tensor, Tensor>
    {
        private readonly RmsNorm input_layernorm, post_attention_layernorm;
        private readonly Linear q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj;
        private readonly int heads, keyHeads, size;

        public DecoderLayer(Config config)
            : base(nameof(DecoderLayer))
        {
            (heads, keyHeads, size) = (config.Heads, config.KeyHeads, config.Width / config.Heads);
            input_layernorm = new RmsNorm(config.Width);
            post_attention_layernorm = new RmsNorm(config.Width);
            Linear Projection(int inputs, int outputs) => Linear(inputs, outputs, hasBias: false);
            q_proj = Projection(config.Width, heads * size);
            k_proj = Projection(config.Width, keyHeads * size);
            v_proj = Projection(config.Width, keyHeads * size);
            o_proj = Projection(heads * size, config.Width);
            gate_proj = Projection(config.Width, config.Hidden);
            up_proj = Projection(config.Width, config.Hidden);
            down_proj = Projection(config.Hidden, config.Width);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x, Tensor cos, Tensor sin)
        {
            x = x + Attend(input_layernorm.forward(x), cos, sin);
            Tensor y = post_attention_layernorm.forward(x);
            return x + down_proj.forward(functional.silu(gate_proj.forward(y)) * up_proj.forward(y));
        }

        private static Tensor RotateHalf(Tensor x)
        {
            long half = x.shape[^1] / 2;
            return cat([-x[TensorIndex.Ellipsis, TensorIndex.Slice(half)], x[TensorIndex.Ellipsis, TensorIndex.Slice(stop: half)]], -1);
        }

        private static Tensor Rotate(Tensor x, Tensor cos, Tensor sin) => (x * cos) + (RotateHalf(x) * sin);

        private Tensor Attend(Tensor x, Tensor cos, Tensor sin)
        {
            (long n, long t) = (x.shape[0], x.shape[1]);
            Tensor Split(Tensor y, int count) => y.view(n, t, count, size).transpose(1, 2);
            Tensor q = Rotate(Split(q_proj.forward(x), heads), cos, sin);
            Tensor k = Rotate(Split(k_proj.forward(x), keyHeads), cos, sin).repeat_interleave(heads / keyHeads, dim: 1);
            Tensor v = Split(v_proj.forward(x), keyHeads).repeat_interleave(heads / keyHeads, dim: 1);
            Tensor y = functional.scaled_dot_product_attention(q, k, v, is_casual: true);
            return o_proj.forward(y.transpose(1, 2).contiguous().view(n, t, -1));
        }
    }
}
