namespace ModelGen.Samples.Zoo;

/// <summary>Convolutions of several widths over word vectors (Kim, arXiv:1408.5882).</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class TextCnn : Module<Tensor, Tensor>
{
    private readonly Embedding embedding;
    private readonly ModuleList<Conv1d> convs;
    private readonly Dropout dropout;
    private readonly Linear fc;

    public TextCnn(int vocabulary = 5000, int width = 64, int filters = 32, int classes = 4, double p = 0.3)
        : base(nameof(TextCnn))
    {
        int[] sizes = [3, 4, 5];
        embedding = Embedding(vocabulary, width, padding_idx: 0);
        convs = ModuleList(sizes.Select(size => Conv1d(width, filters, size)).ToArray());
        dropout = Dropout(p);
        fc = Linear(filters * sizes.Length, classes);
        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 40, Type = ElementType.Int64)] Tensor tokens)
    {
        Tensor x = embedding.forward(tokens).permute(0, 2, 1);
        Tensor[] pooled = convs.Select(conv => functional.relu(conv.forward(x)).max(2).values).ToArray();
        return fc.forward(dropout.forward(cat(pooled, 1)));
    }
}

/// <summary>A bidirectional LSTM over tokens; the last states of both directions decide.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.05)]
public sealed partial class LstmClassifier : Module<Tensor, Tensor>
{
    private readonly Embedding embedding = Embedding(2000, 32);
    private readonly LSTM lstm = LSTM(32, 48, numLayers: 2, batchFirst: true, bidirectional: true);
    private readonly Linear fc = Linear(96, 5);

    public LstmClassifier()
        : base(nameof(LstmClassifier)) => RegisterComponents();

    public override Tensor forward([Shape("N", "T", Type = ElementType.Int64)] Tensor tokens)
    {
        (_, Tensor hidden, _) = lstm.call(embedding.call(tokens));
        return fc.call(cat([hidden[-2], hidden[-1]], dim: 1));
    }
}

/// <summary>A GRU over a series of measurements.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.05)]
public sealed partial class GruClassifier : Module<Tensor, Tensor>
{
    private readonly GRU gru;
    private readonly LayerNorm norm;
    private readonly Linear fc;

    public GruClassifier(int features = 6, int hidden = 32, int classes = 3)
        : base(nameof(GruClassifier))
    {
        gru = GRU(features, hidden, batchFirst: true);
        norm = LayerNorm(hidden);
        fc = Linear(hidden, classes);
        RegisterComponents();
    }

    public override Tensor forward([Shape("N", "T", 6)] Tensor series)
    {
        (Tensor outputs, Tensor state) = gru.call(series);
        return fc.forward(norm.forward(outputs.mean([1L]) + state.squeeze(0)));
    }
}

/// <summary>Sequence to sequence with LSTMs (Sutskever et al., arXiv:1409.3215), fed with the right answers.</summary>
[Model]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.05)]
public sealed partial class Seq2Seq : Module<Tensor, Tensor, Tensor>
{
    private readonly Encoder encoder;
    private readonly Decoder decoder;

    public Seq2Seq(int vocabulary = 300, int width = 24, int hidden = 32)
        : base(nameof(Seq2Seq))
    {
        encoder = new Encoder(vocabulary, width, hidden);
        decoder = new Decoder(vocabulary, width, hidden);
        RegisterComponents();
    }

    public override Tensor forward([Shape("N", "S", Type = ElementType.Int64)] Tensor source, [Shape("N", "T", Type = ElementType.Int64)] Tensor target)
    {
        (Tensor Hidden, Tensor Cell) state = encoder.forward(source);
        return decoder.forward(target, state);
    }

    private sealed class Encoder : Module<Tensor, (Tensor, Tensor)>
    {
        private readonly Embedding embedding;
        private readonly LSTM lstm;

        public Encoder(int vocabulary, int width, int hidden)
            : base(nameof(Encoder))
        {
            embedding = Embedding(vocabulary, width);
            lstm = LSTM(width, hidden, batchFirst: true);
            RegisterComponents();
        }

        public override (Tensor, Tensor) forward(Tensor tokens)
        {
            (Tensor _, Tensor hidden, Tensor cell) = lstm.forward(embedding.forward(tokens));
            return (hidden, cell);
        }
    }

    private sealed class Decoder : Module<Tensor, (Tensor, Tensor), Tensor>
    {
        private readonly Embedding embedding;
        private readonly LSTM lstm;
        private readonly Linear output;

        public Decoder(int vocabulary, int width, int hidden)
            : base(nameof(Decoder))
        {
            embedding = Embedding(vocabulary, width);
            lstm = LSTM(width, hidden, batchFirst: true);
            output = Linear(hidden, vocabulary);
            RegisterComponents();
        }

        public override Tensor forward(Tensor tokens, (Tensor, Tensor) state)
        {
            (Tensor y, _, _) = lstm.forward(embedding.forward(tokens), state);
            return output.forward(y);
        }
    }
}
