namespace ModelGen.Samples.Zoo;

/// <summary>Encoder and decoder of the first Transformer (Vaswani et al., arXiv:1706.03762) with TorchSharp's own layers.</summary>
[Model]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class Translator : Module<Tensor, Tensor, Tensor>
{
    private readonly Embedding source, target;
    private readonly Positions positions;
    private readonly Transformer transformer;
    private readonly Linear output;
    private readonly double scale;

    public Translator(int vocabulary = 400, int width = 64, int heads = 4, int layers = 2, double dropout = 0.1)
        : base(nameof(Translator))
    {
        source = Embedding(vocabulary, width);
        target = Embedding(vocabulary, width);
        positions = new Positions(width, dropout);
        transformer = Transformer(width, heads, layers, layers, 2 * width, dropout);
        output = Linear(width, vocabulary);
        scale = Math.Sqrt(width);
        RegisterComponents();
    }

    public override Tensor forward([Shape("S", "N", Type = ElementType.Int64)] Tensor from, [Shape("T", "N", Type = ElementType.Int64)] Tensor to)
    {
        Tensor memory = positions.forward(source.forward(from) * scale);
        Tensor query = positions.forward(target.forward(to) * scale);
        return output.forward(transformer.call(memory, query, NoMask(from.shape[0]), Causal(to.shape[0])));
    }

    private static Tensor NoMask(long length) => zeros(length, length);

    private static Tensor Causal(long length) => zeros(length, length).masked_fill(ones(length, length).triu(1).to_type(ScalarType.Bool), double.NegativeInfinity);

    private sealed class Positions : Module<Tensor, Tensor>
    {
        private readonly Dropout dropout;
        private readonly Tensor pe;

        public Positions(long width, double p, long length = 500)
            : base(nameof(Positions))
        {
            dropout = Dropout(p);
            using (NewDisposeScope())
            {
                Tensor table = zeros([length, width]);
                Tensor position = arange(0, length, dtype: ScalarType.Float32).unsqueeze(1);
                Tensor rate = (arange(0, width, 2).to_type(ScalarType.Float32) * (-Math.Log(10000.0) / width)).exp();
                table[TensorIndex.Ellipsis, TensorIndex.Slice(0, null, 2)] = (position * rate).sin();
                table[TensorIndex.Ellipsis, TensorIndex.Slice(1, null, 2)] = (position * rate).cos();
                pe = table.unsqueeze(0).transpose(0, 1).contiguous().MoveToOuterDisposeScope();
            }

            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => dropout.forward(x + pe[TensorIndex.Slice(null, x.size(0)), TensorIndex.Colon]);
    }
}
