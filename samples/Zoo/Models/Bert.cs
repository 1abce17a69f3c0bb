namespace ModelGen.Samples.Zoo;

/// <summary>BERT-base with its pooler (Devlin et al., arXiv:1810.04805).</summary>
[Model(Config = nameof(Base))]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class Bert : Module<Tensor, Tensor, Tensor>
{
    private readonly Embeddings embeddings;
    private readonly ModuleList<Layer> encoder = new();
    private readonly Linear pooler;

    public Bert(Config config)
        : base(nameof(Bert))
    {
        embeddings = new Embeddings(config);
        for (int i = 0; i < config.Layers; i++)
        {
            encoder.Add(new Layer(config));
        }

        pooler = Linear(config.Width, config.Width);
        RegisterComponents();
    }

    public static Config Base { get; } = new() { Vocabulary = 30522, Width = 768, Layers = 12, Heads = 12 };

    public override Tensor forward([Shape("N", "T", Type = ElementType.Int64)] Tensor tokens, [Shape("N", "T", Type = ElementType.Int64)] Tensor segments)
    {
        Tensor x = embeddings.forward(tokens, segments);
        foreach (Layer layer in encoder)
        {
            x = layer.forward(x);
        }

        return pooler.forward(x[.., 0]).tanh();
    }

    public sealed class Config
    {
        public int Vocabulary { get; init; }

        public int Width { get; init; }

        public int Layers { get; init; }

        public int Heads { get; init; }

        public double Dropout { get; init; } = 0.1;

        public int Hidden => 4 * Width;

        public int Positions { get; init; } = 512;
    }

    private sealed class Embeddings : Module<Tensor, Tensor, Tensor>
    {
        private readonly Embedding words, positions, types;
        private readonly LayerNorm norm;
        private readonly Dropout dropout;

        public Embeddings(Config config)
            : base(nameof(Embeddings))
        {
            words = Embedding(config.Vocabulary, config.Width, padding_idx: 0);
            positions = Embedding(config.Positions, config.Width);
            types = Embedding(2, config.Width);
            norm = LayerNorm(config.Width, eps: 1e-12);
            dropout = Dropout(config.Dropout);
            RegisterComponents();
        }

        public override Tensor forward(Tensor tokens, Tensor segments)
        {
            Tensor places = arange(tokens.size(-1), dtype: ScalarType.Int64, device: tokens.device).unsqueeze(0).expand_as(tokens);
            return dropout.forward(norm.forward(words.forward(tokens) + positions.forward(places) + types.forward(segments)));
        }
    }

    private sealed class Layer : Module<Tensor, Tensor>
    {
        private readonly Linear query, key, value, attended, intermediate, output;
        private readonly LayerNorm norm1, norm2;
        private readonly Dropout dropout;
        private readonly int heads;

        public Layer(Config config)
            : base(nameof(Layer))
        {
            heads = config.Heads;
            (query, key, value, attended) = (Linear(config.Width, config.Width), Linear(config.Width, config.Width), Linear(config.Width, config.Width), Linear(config.Width, config.Width));
            intermediate = Linear(config.Width, config.Hidden);
            output = Linear(config.Hidden, config.Width);
            norm1 = LayerNorm(config.Width, eps: 1e-12);
            norm2 = LayerNorm(config.Width, eps: 1e-12);
            dropout = Dropout(config.Dropout);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            x = norm1.forward(x + dropout.forward(attended.forward(Attend(x))));
            return norm2.forward(x + dropout.forward(output.forward(functional.gelu(intermediate.forward(x)))));
        }

        private Tensor Attend(Tensor x)
        {
            (Tensor q, Tensor k, Tensor v) = (Split(query.forward(x)), Split(key.forward(x)), Split(value.forward(x)));
            Tensor weights = matmul(q, k.transpose(-1, -2)).div(Math.Sqrt(x.shape[2] / heads)).softmax(-1);
            return einsum("bhts,bhsd->bthd", dropout.forward(weights), v).flatten(2);
        }

        private Tensor Split(Tensor x) => x.view(x.shape[0], x.shape[1], heads, -1).permute(0, 2, 1, 3);
    }
}
