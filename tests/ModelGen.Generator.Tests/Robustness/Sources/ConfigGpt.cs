/// <summary>A decoder sized by a record.</summary>
[Model(Config = nameof(Small))]
[Train(Loss.MSE, Optimizer.AdamW, LearningRate = 3e-4)]
public partial class ConfigGpt : Module<Tensor, Tensor>
{
    private readonly Embedding tokens;
    private readonly Embedding positions;
    private readonly ModuleList<DecoderBlock> blocks;
    private readonly LayerNorm norm;
    private readonly Linear head;
    private readonly GptConfig config;

    public ConfigGpt(GptConfig config)
        : base("gpt")
    {
        this.config = config;
        tokens = Embedding(config.Vocabulary, config.Width);
        positions = Embedding(config.Context, config.Width);
        blocks = new ModuleList<DecoderBlock>([.. Enumerable.Range(0, config.Layers).Select(_ => new DecoderBlock(config))]);
        norm = LayerNorm(config.Width);
        head = Linear(config.Width, config.Vocabulary, hasBias: false);
        RegisterComponents();
    }

    public static GptConfig Small { get; } = new GptConfig(Vocabulary: 30, Context: 12) with { Width = 16, Layers = 2 };

    public override Tensor forward([Shape("N", "T", Type = ElementType.Int64)] Tensor ids)
    {
        long length = ids.shape[1];
        Tensor x = tokens.forward(ids) + positions.forward(arange(0, length, dtype: ScalarType.Int64, device: ids.device));
        foreach (DecoderBlock block in blocks)
        {
            x = block.forward(x);
        }

        x = norm.forward(x);
        return head.forward(x) * config.Scale;
    }
}

public sealed record GptConfig(int Vocabulary, int Context, int Width = 24, int Heads = 2, int Layers = 1)
{
    public double Dropout { get; init; } = 0.1;

    public double Scale => 1.0 / Math.Sqrt(Width);

    public int HeadWidth => Width % Heads == 0 ? Width / Heads : throw new ArgumentException("the width must be a multiple of the heads");
}

public sealed class DecoderBlock : Module<Tensor, Tensor>
{
    private readonly LayerNorm first, second;
    private readonly SelfAttention attention;
    private readonly Sequential feed;

    public DecoderBlock(GptConfig config)
        : base("block")
    {
        (first, second) = (LayerNorm(config.Width), LayerNorm(config.Width));
        attention = new SelfAttention(config);
        feed = Sequential(("up", Linear(config.Width, 4 * config.Width)), ("act", GELU()), ("down", Linear(4 * config.Width, config.Width)), ("drop", Dropout(config.Dropout)));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        x = x + attention.forward(first.forward(x));
        return x + feed.forward(second.forward(x));
    }
}

public sealed class SelfAttention : Module<Tensor, Tensor>
{
    private readonly Linear joined;
    private readonly Linear output;
    private readonly Tensor mask;
    private readonly GptConfig config;

    public SelfAttention(GptConfig config)
        : base("attention")
    {
        this.config = config;
        joined = Linear(config.Width, 3 * config.Width);
        output = Linear(config.Width, config.Width);
        mask = tril(ones(config.Context, config.Context));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        (long n, long t, long c) = (x.size(0), x.size(1), x.size(2));
        Tensor Split(Tensor part) => part.view(n, t, config.Heads, config.HeadWidth).transpose(1, 2);
        Tensor[] parts = joined.forward(x).chunk(3, dim: -1);
        var (q, k, v) = (Split(parts[0]), Split(parts[1]), Split(parts[2]));
        Tensor scores = matmul(q, k.transpose(-2, -1)) / Math.Sqrt(config.HeadWidth);
        scores = scores.masked_fill(mask[..(int)t, ..(int)t].eq(0), float.NegativeInfinity);
        Tensor mixed = softmax(scores, -1).matmul(v).transpose(1, 2).reshape(n, t, c);
        return output.forward(mixed);
    }
}
