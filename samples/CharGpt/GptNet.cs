using ModelGen;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace CharGpt;

/// <summary>A small GPT (Radford et al., 2019) over characters: 4 blocks of width 128 with 4 heads, 64 characters of context.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 2e-3, WeightDecay = 0.05, Schedule = Schedule.OneCycle, ClipNorm = 1, BatchSize = 32)]
[ExportOnnx(Batch = 1)]
public sealed partial class GptNet : Module<Tensor, Tensor>
{
    public const int Context = 64;
    private const int Width = 128, Heads = 4, Layers = 4;

    private readonly Embedding characters = Embedding(Alphabet.Size, Width), places = Embedding(Context, Width);
    private readonly Sequential blocks;
    private readonly LayerNorm norm = LayerNorm(Width);
    private readonly Linear head = Linear(Width, Alphabet.Size, hasBias: false);

    public GptNet()
        : base(nameof(GptNet))
    {
        blocks = Sequential([.. Enumerable.Range(0, Layers).Select(static _ => new Block())]);
        RegisterComponents();
    }

    /// <summary>Scores of the next character after each one.</summary>
    public override Tensor forward([Shape("N", Context, Type = ElementType.Int64)] Tensor text)
    {
#pragma warning disable MG2005 // compiled code makes it during the build, and as a buffer it would be in every checkpoint
        Tensor order = arange(Context, dtype: ScalarType.Int64, device: text.device);
#pragma warning restore MG2005
        Tensor x = blocks.forward(characters.forward(text) + places.forward(order));
        return head.forward(norm.forward(x)).transpose(1, 2);
    }

    private sealed class Block : Module<Tensor, Tensor>
    {
        private readonly LayerNorm norm1 = LayerNorm(Width), norm2 = LayerNorm(Width);
        private readonly Linear qkv = Linear(Width, 3 * Width), proj = Linear(Width, Width);
        private readonly Sequential mlp = Sequential(Linear(Width, 4 * Width), GELU(), Linear(4 * Width, Width));

        public Block()
            : base(nameof(Block)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            x = x + Attend(norm1.forward(x));
            return x + mlp.forward(norm2.forward(x));
        }

        private static Tensor Split(Tensor x) => x.view(-1, Context, Heads, Width / Heads).transpose(1, 2);

        private Tensor Attend(Tensor x)
        {
            Tensor[] parts = qkv.forward(x).chunk(3, dim: -1);
            Tensor y = functional.scaled_dot_product_attention(Split(parts[0]), Split(parts[1]), Split(parts[2]), is_casual: true);
            return proj.forward(y.transpose(1, 2).reshape(-1, Context, Width));
        }
    }
}
