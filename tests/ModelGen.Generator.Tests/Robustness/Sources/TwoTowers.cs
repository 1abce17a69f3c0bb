namespace Ranking;

/// <summary>Two inputs, function values, arrays of layers registered by hand, a nested model class.</summary>
public static partial class Models
{
    [Model(8, "cosine")]
    [Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.1)]
    public partial class TwoTowers : Module<Tensor, Tensor, Tensor>
    {
        private readonly Tower left, right;
        private readonly Parameter temperature = Parameter(ones(1));
        private readonly Func<Tensor, Tensor, Tensor> similarity;

        public TwoTowers(int width, string measure)
            : base("towers")
        {
            left = new Tower(5, width);
            right = new Tower(7, width);
            similarity = measure switch
            {
                "cosine" => static (a, b) => (Normalized(a) * Normalized(b)).sum(-1, keepdim: true),
                "dot" => static (a, b) => (a * b).sum(-1, keepdim: true),
                _ => throw new ArgumentException($"no such measure: {measure}", nameof(measure)),
            };
            RegisterComponents();
        }

        public override Tensor forward([Shape("N", 5)] Tensor user, [Shape("N", 7)] Tensor item)
        {
            Tensor a = left.forward(user), b = right.forward(item);
            return similarity(a, b) * temperature.exp();
        }

        private static Tensor Normalized(Tensor x) => x / x.pow(2).sum(-1, keepdim: true).add(1e-6).sqrt();
    }

    public sealed class Tower : Module<Tensor, Tensor>
    {
        private readonly Linear[] layers;
        private readonly Dropout drop = Dropout(0.2);

        public Tower(int inputs, int width)
            : base("tower")
        {
            layers = [Linear(inputs, width), Linear(width, width)];
            for (int i = 0; i < layers.Length; i++)
            {
                register_module($"layer{i}", layers[i]);
            }

            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            foreach (Linear layer in layers)
            {
                x = drop.forward(layer.forward(x).relu());
            }

            return x;
        }
    }
}
