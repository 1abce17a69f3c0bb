using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ModelGen.EndToEnd.Tests.Models;

/// <summary>Erased layer types, named layers built in a loop, an in-place method, scopes.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.05)]
public partial class TorchCnn : Module<Tensor, Tensor>
{
    private readonly Module<Tensor, Tensor> conv1 = Conv2d(1, 4, 3, padding: 1), conv2 = Conv2d(4, 6, 3);
    private readonly Sequential classifier;

    public TorchCnn(int classes = 10, string name = "cnn")
        : base(name)
    {
        var layers = new List<(string, Module<Tensor, Tensor>)>();
        int width = 24;
        int i = 0;
        foreach (int next in new[] { 16, 12 })
        {
            layers.Add(($"fc{++i}", Linear(width, next)));
            layers.Add(($"act{i}", ReLU(inplace: true)));
            width = next;
        }

        layers.Add(("out", Linear(width, classes)));
        classifier = Sequential(layers);
        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 1, 12, 12)] Tensor input)
    {
        using var scope = NewDisposeScope();
        Tensor x = functional.max_pool2d(functional.relu(conv1.forward(input)), 2);
        x = functional.max_pool2d(conv2.call(x).relu_(), [2, 2]);
        return classifier.forward(x.view(x.shape[0], -1)).MoveToOuterDisposeScope();
    }
}

/// <summary>Delegates for layers, inheritance, blocks made by a helper, optional modules.</summary>
[Model(Config = nameof(Small))]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 1e-3)]
public partial class TorchResidual : Module<Tensor, Tensor>
{
    private readonly Conv2d stem;
    private readonly ModuleList<Block> blocks = [];
    private readonly AdaptiveAvgPool2d pool = AdaptiveAvgPool2d(1);
    private readonly Linear head;
    private readonly int stages;

    public TorchResidual(int[] widths, Func<long, Module<Tensor, Tensor>> norm, bool bottleneck = false)
        : base(nameof(TorchResidual))
    {
        stages = widths.Length;
        stem = Conv2d(2, widths[0], 3, padding: 1, bias: false);
        int previous = widths[0];
        foreach ((int width, int index) in widths.Select(static (width, index) => (width, index)))
        {
            blocks.Add(bottleneck switch
            {
                false => new PlainBlock(previous, width, index == 0 ? 1 : 2, norm),
                true => throw new ArgumentException("not here", nameof(bottleneck)),
            });
            previous = width;
        }

        head = Linear(previous, 3);
        RegisterComponents();
    }

    public static (int[] Widths, Func<long, Module<Tensor, Tensor>> Norm) Small => ([4, 6], static channels => BatchNorm2d(channels));

    public override Tensor forward([Shape("N", 2, 8, 8)] Tensor x)
    {
        x = stem.forward(x);
        for (int i = 0; i < stages; i++)
        {
            x = blocks[i].forward(x);
        }

        return head.forward(pool.forward(x).flatten(1));
    }

    public abstract class Block(string name) : Module<Tensor, Tensor>(name)
    {
        protected Module<Tensor, Tensor>? shortcut;

        public override Tensor forward(Tensor x)
        {
            Tensor identity = shortcut?.forward(x) ?? x;
            Tensor y = Body(x);
            y += identity;
            return functional.relu(y);
        }

        protected abstract Tensor Body(Tensor x);
    }

    public sealed class PlainBlock : Block
    {
        private readonly Sequential body;

        public PlainBlock(int inputs, int outputs, int stride, Func<long, Module<Tensor, Tensor>> norm)
            : base("plain")
        {
            body = Sequential(Conv2d(inputs, outputs, 3, stride, 1, bias: false), norm(outputs), ReLU(), Conv2d(outputs, outputs, 3, padding: 1, bias: false), norm(outputs));
            if (stride != 1 || inputs != outputs)
            {
                shortcut = Sequential(("conv", Conv2d(inputs, outputs, 1, stride, bias: false)), ("norm", norm(outputs)));
            }

            RegisterComponents();
        }

        protected override Tensor Body(Tensor x) => body.forward(x);
    }
}

/// <summary>A decoder with a configuration record, a mask buffer, tuples, symbolic length.</summary>
[Model(Config = nameof(Small))]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
public partial class TorchGpt : Module<Tensor, Tensor>
{
    private readonly Embedding wte, wpe;
    private readonly ModuleList<Block> h;
    private readonly LayerNorm ln_f;

    public TorchGpt(Config config)
        : base(nameof(TorchGpt))
    {
        wte = Embedding(config.Vocabulary, config.Width);
        wpe = Embedding(config.Context, config.Width);
        h = new ModuleList<Block>([.. Enumerable.Range(0, config.Layers).Select(_ => new Block(config))]);
        ln_f = LayerNorm(config.Width);
        RegisterComponents();
    }

    public static Config Small => new(Heads: 4) { Dropout = 0.1 };

    public override Tensor forward([Shape("N", "T", Type = ElementType.Int64)] Tensor idx)
    {
        Tensor positions = arange(0, idx.shape[1], dtype: ScalarType.Int64, device: idx.device);
        Tensor x = wte.forward(idx) + wpe.forward(positions);
        foreach (Block block in h)
        {
            x = block.forward(x);
        }

        return functional.linear(ln_f.forward(x), wte.weight!);
    }

    public sealed record Config(int Vocabulary = 20, int Context = 16, int Width = 24, int Heads = 3, int Layers = 2)
    {
        public double Dropout { get; init; }
    }

    public sealed class Block : Module<Tensor, Tensor>
    {
        private readonly LayerNorm ln_1, ln_2;
        private readonly Attention attn;
        private readonly Sequential mlp;

        public Block(Config c)
            : base("block")
        {
            (ln_1, ln_2) = (LayerNorm(c.Width), LayerNorm(c.Width));
            attn = new Attention(c);
            mlp = Sequential(("fc", Linear(c.Width, 4 * c.Width)), ("gelu", GELU()), ("proj", Linear(4 * c.Width, c.Width)), ("drop", Dropout(c.Dropout)));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            x = x + attn.forward(ln_1.forward(x));
            return x + mlp.forward(ln_2.forward(x));
        }
    }

    public sealed class Attention : Module<Tensor, Tensor>
    {
        private readonly Linear qkv, proj;
        private readonly Dropout drop;
        private readonly int heads;
        private readonly Tensor mask;

        public Attention(Config c)
            : base("attention")
        {
            qkv = Linear(c.Width, 3 * c.Width);
            proj = Linear(c.Width, c.Width);
            drop = Dropout(c.Dropout);
            heads = c.Heads;
            mask = tril(ones(c.Context, c.Context)).view(1, 1, c.Context, c.Context);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            (long n, long t, long width) = (x.size(0), x.size(1), x.size(2));
            Tensor[] parts = qkv.forward(x).split(width, dim: 2);
            Tensor Heads(Tensor part) => part.view(n, t, heads, width / heads).transpose(1, 2);
            (Tensor q, Tensor k, Tensor v) = (Heads(parts[0]), Heads(parts[1]), Heads(parts[2]));
            Tensor scores = q.matmul(k.transpose(-2, -1)) * (1.0 / Math.Sqrt(k.size(-1)));
            scores = scores.masked_fill(mask[.., .., ..(int)t, ..(int)t].eq(0), float.NegativeInfinity);
            scores = drop.forward(functional.softmax(scores, -1));
            return proj.forward(scores.matmul(v).transpose(1, 2).contiguous().view(n, t, width));
        }
    }
}

/// <summary>Every recurrent layer and cell, tuples of results, two outputs.</summary>
[Model(3)]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.05)]
public partial class TorchRecurrent : Module<Tensor, (Tensor, Tensor)>
{
    private readonly LSTM lstm;
    private readonly GRU gru;
    private readonly RNN rnn;
    private readonly LSTMCell cell;
    private readonly GRUCell last;
    private readonly Linear fc;

    public TorchRecurrent(int features)
        : base("recurrent")
    {
        lstm = LSTM(features, 5, 2, batchFirst: true, bidirectional: true);
        gru = GRU(10, 6, batchFirst: true);
        rnn = RNN(6, 4, 1, NonLinearities.ReLU);
        cell = LSTMCell(4, 4);
        last = GRUCell(4, 4);
        fc = Linear(4, 2);
        RegisterComponents();
    }

    public override (Tensor, Tensor) forward([Shape("N", "T", 3)] Tensor x)
    {
        (Tensor y, _, _) = lstm.call(x);
        (Tensor z, Tensor state) = gru.call(y);
        (Tensor w, _) = rnn.call(z.transpose(0, 1));
        Tensor end = w[-1];
        (Tensor a, Tensor b) = cell.call(end, (end, end));
        return (fc.forward(last.forward(a, b)), state.squeeze(0));
    }
}

/// <summary>TorchSharp's own transformer layers, two inputs, a computed mask.</summary>
[Model]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
public partial class TorchTransformer : Module<Tensor, Tensor, Tensor>
{
    private readonly Transformer pair = Transformer(16, 4, 1, 1, 32, 0.0);
    private readonly MultiheadAttention attention = MultiheadAttention(16, 2);
    private readonly TransformerEncoder encoder;

    public TorchTransformer()
        : base("transformer")
    {
        encoder = TransformerEncoder(TransformerEncoderLayer(16, 2, 24, 0.0, Activations.GELU), 2);
        RegisterComponents();
    }

    public override Tensor forward([Shape("T", "N", 16)] Tensor source, [Shape("S", "N", 16)] Tensor target)
    {
        long length = source.shape[0];
        Tensor mask = zeros(length, length).masked_fill(triu(ones(length, length), 1).to(ScalarType.Bool), float.NegativeInfinity);
        Tensor memory = encoder.call(source, mask);
        Tensor decoded = pair.call(memory, target, null!);
        (Tensor attended, _) = attention.call(decoded, memory, memory);
        return attended + decoded;
    }
}

/// <summary>RMS normalisation, grouped-query attention, rotary embedding with complex views, gated feed-forward, a branch on the training flag.</summary>
[Model]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
public partial class TorchLlama : Module<Tensor, Tensor>
{
    private const int Heads = 4;
    private const int Groups = 2;
    private readonly Linear wq = Linear(16, 16, hasBias: false), wk = Linear(16, 8, hasBias: false), wv = Linear(16, 8, hasBias: false), wo = Linear(16, 16, hasBias: false);
    private readonly Linear w1 = Linear(16, 24, hasBias: false), w2 = Linear(24, 16, hasBias: false), w3 = Linear(16, 24, hasBias: false);
    private readonly Parameter scale = Parameter(ones(16));
    private readonly Tensor frequencies;

    public TorchLlama()
        : base("llama")
    {
        Tensor inverse = 1.0f / pow(10000f, arange(0, 4, 2).to(ScalarType.Float32) / 4);
        Tensor angles = outer(arange(0, 12).to(ScalarType.Float32), inverse);
        frequencies = polar(ones_like(angles), angles);
        RegisterComponents();
    }

    public override Tensor forward([Shape("N", "T", 16)] Tensor x)
    {
        (long n, long t) = (x.shape[0], x.shape[1]);
        Tensor y = Normalize(x);
        Tensor q = Rotate(wq.forward(y).view(n, t, Heads, 4)).transpose(1, 2);
        Tensor k = Repeat(Rotate(wk.forward(y).view(n, t, Groups, 4))).transpose(1, 2);
        Tensor v = Repeat(wv.forward(y).view(n, t, Groups, 4)).transpose(1, 2);
        Tensor attended = functional.scaled_dot_product_attention(q, k, v, is_casual: true).transpose(1, 2).reshape(n, t, -1);
        x = x + wo.forward(attended);
        y = Normalize(x);
        y = w2.forward(functional.silu(w1.forward(y)) * w3.forward(y));
        if (training)
        {
            y = y * 1.5;
        }

        return x + y;
    }

    private static Tensor Repeat(Tensor x) =>
        x.unsqueeze(3).expand(x.shape[0], x.shape[1], Groups, Heads / Groups, x.shape[3]).reshape(x.shape[0], x.shape[1], Heads, x.shape[3]);

    private Tensor Normalize(Tensor x) => x * rsqrt(x.pow(2).mean([-1], keepdim: true) + 1e-6) * scale;

    private Tensor Rotate(Tensor x)
    {
        Tensor pairs = view_as_complex(x.reshape(x.shape[0], x.shape[1], x.shape[2], -1, 2));
        Tensor angles = frequencies[..(int)x.shape[1]].view(1, x.shape[1], 1, 2);
        return view_as_real(pairs * angles).flatten(3);
    }
}
