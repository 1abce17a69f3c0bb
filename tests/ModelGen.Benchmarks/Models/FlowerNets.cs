namespace ModelGen.Benchmarks.Models;

// Networks of the classes that are quantized, sized for photographs of 64x64, a few hundred of which train them in a minute.

/// <summary>Residual blocks.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 2e-3, Schedule = Schedule.OneCycle, BatchSize = 32, Epochs = 8)]
public sealed partial class FlowerResNet : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1 = Conv2d(3, 24, 3, 2, 1, bias: false);
    private readonly BatchNorm2d bn1 = BatchNorm2d(24);
    private readonly Sequential layers = Sequential(new ResidualBlock(24, 24, 1), new ResidualBlock(24, 48, 2), new ResidualBlock(48, 64, 2), new ResidualBlock(64, 96, 2));
    private readonly Linear fc = Linear(96, 5);

    public FlowerResNet()
        : base(nameof(FlowerResNet)) => RegisterComponents();

    public override Tensor forward([Shape("N", 3, 64, 64)] Tensor x) =>
        fc.forward(functional.adaptive_avg_pool2d(layers.forward(functional.relu(bn1.forward(conv1.forward(x)))), 1).flatten(1));
}

/// <summary>Inverted residuals with depthwise convolutions and ReLU6.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 2e-3, Schedule = Schedule.OneCycle, BatchSize = 32, Epochs = 10)]
public sealed partial class FlowerMobileNet : Module<Tensor, Tensor>
{
    private readonly Sequential features = Sequential(
        MobileNetStages.ConvBnRelu(3, 16, 3, 2), new InvertedResidual(16, 16, 1, 1), new InvertedResidual(16, 24, 2, 4), new InvertedResidual(24, 24, 1, 4), new InvertedResidual(24, 40, 2, 4),
        new InvertedResidual(40, 40, 1, 4), new InvertedResidual(40, 64, 2, 4), MobileNetStages.ConvBnRelu(64, 160, 1, 1));

    private readonly Linear classifier = Linear(160, 5);

    public FlowerMobileNet()
        : base(nameof(FlowerMobileNet)) => RegisterComponents();

    public override Tensor forward([Shape("N", 3, 64, 64)] Tensor x) => classifier.forward(functional.adaptive_avg_pool2d(features.forward(x), 1).flatten(1));
}

/// <summary>A vision transformer: 64 patches of 8x8, width 64, 3 layers.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 1e-3, Schedule = Schedule.OneCycle, BatchSize = 32, Epochs = 12)]
public sealed partial class FlowerViT : Module<Tensor, Tensor>
{
    private readonly Linear embed = Linear(192, 64);
    private readonly Parameter positions = Parameter(randn(1, 64, 64) * 0.02);
    private readonly Sequential blocks = Sequential(new TransformerBlock(64, 4, false, 0), new TransformerBlock(64, 4, false, 0), new TransformerBlock(64, 4, false, 0));
    private readonly Linear head = Linear(64, 5);

    public FlowerViT()
        : base(nameof(FlowerViT)) => RegisterComponents();

    public override Tensor forward([Shape("N", 3, 64, 64)] Tensor x)
    {
        Tensor patches = x.reshape(-1, 3, 8, 8, 8, 8).permute(0, 2, 4, 1, 3, 5).reshape(-1, 64, 192);
        return head.forward(blocks.forward(embed.forward(patches) + positions).mean([1L]));
    }
}
