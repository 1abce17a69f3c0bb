namespace Text.Models
{
    /// <summary>Recurrent layers, tuples, two results, a choice by an enumeration.</summary>
    [Model(40, 12, Pooling.Last)]
    [Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.05)]
    public partial class SentimentLstm : Module<Tensor, (Tensor, Tensor)>
    {
        private readonly Embedding embedding;
        private readonly LSTM lstm;
        private readonly GRU gru;
        private readonly Linear score;
        private readonly Pooling pooling;

        public SentimentLstm(int vocabulary, int width, Pooling pooling)
            : base("sentiment")
        {
            this.pooling = pooling;
            embedding = Embedding(vocabulary, width);
            lstm = LSTM(width, 2 * width, batchFirst: true, bidirectional: true);
            gru = GRU(4 * width, width, batchFirst: true);
            score = Linear(width, 2);
            RegisterComponents();
        }

        public enum Pooling
        {
            Last,
            Mean,
            Max,
        }

        public override (Tensor, Tensor) forward([Shape("N", "T", Type = ElementType.Int64)] Tensor ids)
        {
            Tensor x = embedding.forward(ids);
            (Tensor first, Tensor h, Tensor c) = lstm.call(x);
            (Tensor second, _) = gru.call(first);
            Tensor pooled;
            switch (pooling)
            {
                case Pooling.Last:
                    pooled = second[.., -1];
                    break;
                case Pooling.Mean:
                    pooled = second.mean([1]);
                    break;
                default:
                    pooled = second.amax([1]);
                    break;
            }

            return (score.forward(pooled), tanh(h[0] + c[0]));
        }
    }
}
