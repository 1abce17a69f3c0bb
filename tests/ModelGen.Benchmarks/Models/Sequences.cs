namespace ModelGen.Benchmarks.Models;

/// <summary>Attention and a feed-forward net, normalised first (GPT) or last (BERT).</summary>
public sealed class TransformerBlock : Module<Tensor, Tensor>
{
    private readonly LayerNorm norm1, norm2;
    private readonly Linear qkv, proj, fc1, fc2;
    private readonly Dropout drop1, drop2;
    private readonly long heads;
    private readonly bool causal;
    private readonly double dropout;

    public TransformerBlock(long width, long heads, bool causal, double dropout)
        : base(nameof(TransformerBlock))
    {
        (this.heads, this.causal, this.dropout) = (heads, causal, dropout);
        (norm1, norm2) = (LayerNorm(width), LayerNorm(width));
        (qkv, proj) = (Linear(width, 3 * width), Linear(width, width));
        (fc1, fc2) = (Linear(width, 4 * width), Linear(4 * width, width));
        (drop1, drop2) = (Dropout(dropout), Dropout(dropout));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        if (causal)
        {
            x = x + drop1.forward(Attend(norm1.forward(x)));
            return x + drop2.forward(fc2.forward(functional.gelu(fc1.forward(norm2.forward(x)))));
        }

        x = norm1.forward(x + drop1.forward(Attend(x)));
        return norm2.forward(x + drop2.forward(fc2.forward(functional.gelu(fc1.forward(x)))));
    }

    private Tensor Attend(Tensor x)
    {
        (long n, long t, long c) = (x.shape[0], x.shape[1], x.shape[2]);
        Tensor[] parts = qkv.forward(x).chunk(3, dim: -1);
        (Tensor q, Tensor k, Tensor v) = (Split(parts[0]), Split(parts[1]), Split(parts[2]));
        Tensor y = functional.scaled_dot_product_attention(q, k, v, p: dropout, is_casual: causal);
        return proj.forward(y.transpose(1, 2).reshape(n, t, c));
    }

    private Tensor Split(Tensor x) => x.view(x.shape[0], x.shape[1], heads, -1).transpose(1, 2);
}

/// <summary>A small GPT: 4 layers, width 128, 4 heads, 96 characters.</summary>
public abstract class GptNet : Module<Tensor, Tensor>
{
    private readonly Embedding tokens = Embedding(96, 128), positions = Embedding(128, 128);
    private readonly Dropout drop;
    private readonly Sequential blocks;
    private readonly LayerNorm norm = LayerNorm(128);
    private readonly Linear head = Linear(128, 96, hasBias: false);

    protected GptNet(double dropout)
        : base(nameof(GptNet))
    {
        drop = Dropout(dropout);
        blocks = Sequential([.. Enumerable.Range(0, 4).Select(_ => new TransformerBlock(128, 4, causal: true, dropout))]);
        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 128, Type = ElementType.Int64)] Tensor x)
    {
        Tensor places = arange(x.shape[1], dtype: ScalarType.Int64, device: x.device);
        Tensor y = blocks.forward(drop.forward(tokens.forward(x) + positions.forward(places)));
        return head.forward(norm.forward(y)).reshape(-1, 96);
    }
}

/// <summary>A small BERT (Devlin et al., arXiv:1810.04805): 4 layers, width 256, 4 heads, a classifier on the first token.</summary>
public abstract class BertSmallNet : Module<Tensor, Tensor>
{
    private readonly Embedding words = Embedding(30522, 256), positions = Embedding(512, 256);
    private readonly LayerNorm norm = LayerNorm(256);
    private readonly Sequential blocks;
    private readonly Linear pooler = Linear(256, 256), classifier = Linear(256, 2);

    protected BertSmallNet()
        : base(nameof(BertSmallNet))
    {
        blocks = Sequential([.. Enumerable.Range(0, 4).Select(_ => new TransformerBlock(256, 4, causal: false, dropout: 0))]);
        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 128, Type = ElementType.Int64)] Tensor x)
    {
        Tensor places = arange(x.shape[1], dtype: ScalarType.Int64, device: x.device);
        Tensor y = blocks.forward(norm.forward(words.forward(x) + positions.forward(places)));
        return classifier.forward(pooler.forward(y[.., 0]).tanh());
    }
}

/// <summary>An LSTM over 64 tokens, width 256.</summary>
public abstract class LstmClassifierNet : Module<Tensor, Tensor>
{
    private readonly Embedding embedding = Embedding(5000, 128);
    private readonly LSTM lstm = LSTM(128, 256, batchFirst: true);
    private readonly Linear fc = Linear(256, 5);

    protected LstmClassifierNet()
        : base(nameof(LstmClassifierNet)) => RegisterComponents();

    public override Tensor forward([Shape("N", 64, Type = ElementType.Int64)] Tensor x)
    {
        (_, Tensor hidden, _) = lstm.call(embedding.call(x));
        return fc.call(hidden[-1]);
    }
}
