namespace ModelGen.Samples.Zoo;

/// <summary>GPT-2 small (Radford et al., 2019); the head is the transposed embedding.</summary>
[Model(Config = nameof(Small))]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class Gpt2 : Module<Tensor, Tensor>
{
    private readonly Config config;
    private readonly Embedding wte, wpe;
    private readonly Dropout drop;
    private readonly ModuleList<Block> h;
    private readonly LayerNorm ln_f;

    public Gpt2(Config config)
        : base(nameof(Gpt2))
    {
        this.config = config;
        wte = Embedding(config.Vocabulary, config.Width);
        wpe = Embedding(config.Context, config.Width);
        drop = Dropout(config.Dropout);
        h = new ModuleList<Block>(Enumerable.Range(0, config.Layers).Select(_ => new Block(config)).ToArray());
        ln_f = LayerNorm(config.Width);
        RegisterComponents();
    }

    public static Config Small => new(Layers: 12, Heads: 12, Width: 768);

    public override Tensor forward([Shape("N", "T", Type = ElementType.Int64)] Tensor tokens)
    {
        long length = tokens.shape[1];
        if (config.Context < 16)
        {
            throw new InvalidOperationException("The context is too short.");
        }

        Tensor x = drop.forward(wte.forward(tokens) + wpe.forward(arange(length, dtype: ScalarType.Int64, device: tokens.device)));
        for (int i = 0; i < h.Count; i++)
        {
            x = h[i].forward(x);
        }

        return matmul(ln_f.forward(x), wte.weight!.t());
    }

    public sealed record Config(int Layers, int Heads, int Width, int Vocabulary = 50257, int Context = 1024, double Dropout = 0.1);

    private sealed class Block : Module<Tensor, Tensor>
    {
        private readonly LayerNorm ln_1, ln_2;
        private readonly CausalAttention attn;
        private readonly Sequential mlp;

        public Block(Config config)
            : base(nameof(Block))
        {
            ln_1 = LayerNorm(config.Width);
            ln_2 = LayerNorm(config.Width);
            attn = new CausalAttention(config);
            mlp = Sequential(
                ("c_fc", Linear(config.Width, 4 * config.Width)),
                ("gelu", GELU(TorchSharp.Modules.GELU.Approximate.tanh)),
                ("c_proj", Linear(4 * config.Width, config.Width)),
                ("dropout", Dropout(config.Dropout)));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            x += attn.forward(ln_1.forward(x));
            x += mlp.forward(ln_2.forward(x));
            return x;
        }
    }

    private sealed class CausalAttention : Module<Tensor, Tensor>
    {
        private readonly Linear c_attn, c_proj;
        private readonly Dropout attn_dropout, resid_dropout;
        private readonly int heads;

        public CausalAttention(Config config)
            : base(nameof(CausalAttention))
        {
            if (config.Width % config.Heads != 0)
            {
                throw new ArgumentException("The width must be a multiple of the number of heads.", nameof(config));
            }

            heads = config.Heads;
            c_attn = Linear(config.Width, 3 * config.Width);
            c_proj = Linear(config.Width, config.Width);
            attn_dropout = Dropout(config.Dropout);
            resid_dropout = Dropout(config.Dropout);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            (long n, long t, long c) = (x.shape[0], x.shape[1], x.shape[2]);
            Tensor[] qkv = c_attn.forward(x).chunk(3, dim: -1);
            Tensor[] parts = [.. qkv.Select(part => part.view(n, t, heads, c / heads).transpose(1, 2))];
            Tensor scores = parts[0].matmul(parts[1].transpose(2, 3)) / Math.Sqrt(c / heads);
            Tensor allowed = tril(ones(t, t, dtype: ScalarType.Bool, device: x.device));
            scores = where(allowed, scores, full_like(scores, float.NegativeInfinity));
            Tensor weights = attn_dropout.forward(functional.softmax(scores, dim: -1));
            Tensor y = weights.matmul(parts[2]).transpose(1, 2).reshape(n, t, c);
            return resid_dropout.forward(c_proj.forward(y));
        }
    }
}
