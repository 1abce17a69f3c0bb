namespace ModelGen.Benchmarks.Models;

/// <summary>The stem of a residual network for photographs of 224x224 and four of its blocks, for five kinds of flowers.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01, Momentum = 0.9, BatchSize = 16)]
public sealed partial class PhotoNet : Module<Tensor, Tensor>
{
    private readonly Conv2d stem = Conv2d(3, 32, 7, 2, 3, bias: false);
    private readonly BatchNorm2d norm = BatchNorm2d(32);
    private readonly Sequential layers = Sequential(new ResidualBlock(32, 32, 1), new ResidualBlock(32, 64, 2), new ResidualBlock(64, 64, 1), new ResidualBlock(64, 128, 2));
    private readonly Linear head = Linear(128, 5);

    public PhotoNet()
        : base(nameof(PhotoNet)) => RegisterComponents();

    public override Tensor forward([Shape("N", 3, 224, 224)] Tensor x)
    {
        x = functional.max_pool2d(functional.relu(norm.forward(stem.forward(x))), 3, 2, 1);
        return head.forward(functional.adaptive_avg_pool2d(layers.forward(x), 1).flatten(1));
    }
}
