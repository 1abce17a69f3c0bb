namespace ModelGen.Benchmarks.Models;

// Networks of the classes that are quantized, sized for the 8x8 digits of the UCI set, on which they are trained in a minute.

/// <summary>Residual blocks.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 3e-3, Schedule = Schedule.OneCycle, BatchSize = 64, Epochs = 12)]
public sealed partial class SmallResNet : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1 = Conv2d(1, 32, 3, padding: 1, bias: false);
    private readonly BatchNorm2d bn1 = BatchNorm2d(32);
    private readonly Sequential layers = Sequential(new ResidualBlock(32, 32, 1), new ResidualBlock(32, 64, 2), new ResidualBlock(64, 64, 1), new ResidualBlock(64, 96, 2));
    private readonly Linear fc = Linear(96, 10);

    public SmallResNet()
        : base(nameof(SmallResNet)) => RegisterComponents();

    public override Tensor forward([Shape("N", 1, 8, 8)] Tensor x) =>
        fc.forward(functional.adaptive_avg_pool2d(layers.forward(functional.relu(bn1.forward(conv1.forward(x)))), 1).flatten(1));
}

/// <summary>Inverted residuals with depthwise convolutions and ReLU6.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 3e-3, Schedule = Schedule.OneCycle, BatchSize = 64, Epochs = 16)]
public sealed partial class SmallMobileNet : Module<Tensor, Tensor>
{
    private readonly Sequential features = Sequential(
        MobileNetStages.ConvBnRelu(1, 16, 3, 1), new InvertedResidual(16, 24, 1, 4), new InvertedResidual(24, 24, 1, 6), new InvertedResidual(24, 40, 2, 6), new InvertedResidual(40, 40, 1, 6),
        new InvertedResidual(40, 64, 2, 6), MobileNetStages.ConvBnRelu(64, 128, 1, 1));

    private readonly Linear classifier = Linear(128, 10);

    public SmallMobileNet()
        : base(nameof(SmallMobileNet)) => RegisterComponents();

    public override Tensor forward([Shape("N", 1, 8, 8)] Tensor x) => classifier.forward(functional.adaptive_avg_pool2d(features.forward(x), 1).flatten(1));
}

/// <summary>A vision transformer: 16 patches of 2x2, width 64, 3 layers.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 2e-3, Schedule = Schedule.OneCycle, BatchSize = 64, Epochs = 25)]
public sealed partial class SmallViT : Module<Tensor, Tensor>
{
    private readonly Linear embed = Linear(4, 64);
    private readonly Parameter positions = Parameter(randn(1, 16, 64) * 0.02);
    private readonly Sequential blocks = Sequential(new TransformerBlock(64, 4, false, 0), new TransformerBlock(64, 4, false, 0), new TransformerBlock(64, 4, false, 0));
    private readonly Linear head = Linear(64, 10);

    public SmallViT()
        : base(nameof(SmallViT)) => RegisterComponents();

    public override Tensor forward([Shape("N", 1, 8, 8)] Tensor x)
    {
        Tensor patches = x.reshape(-1, 4, 2, 4, 2).permute(0, 1, 3, 2, 4).reshape(-1, 16, 4);
        return head.forward(blocks.forward(embed.forward(patches) + positions).mean([1L]));
    }
}
