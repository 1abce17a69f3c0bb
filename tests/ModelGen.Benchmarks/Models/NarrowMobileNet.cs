namespace ModelGen.Benchmarks.Models;

/// <summary>Inverted residuals with depthwise convolutions and ReLU6 and with few channels, none of which can be spared: what few bits hurt most.</summary>
public abstract class NarrowMobileNetNet : Module<Tensor, Tensor>
{
    private readonly Sequential features = Sequential(
        MobileNetStages.ConvBnRelu(1, 8, 3, 1), new InvertedResidual(8, 8, 1, 3), new InvertedResidual(8, 12, 2, 3), new InvertedResidual(12, 12, 1, 3), new InvertedResidual(12, 16, 2, 3),
        MobileNetStages.ConvBnRelu(16, 32, 1, 1));

    private readonly Linear classifier = Linear(32, 10);

    protected NarrowMobileNetNet()
        : base(nameof(NarrowMobileNetNet)) => RegisterComponents();

    public override Tensor forward([Shape("N", 1, 8, 8)] Tensor x) => classifier.forward(functional.adaptive_avg_pool2d(features.forward(x), 1).flatten(1));
}

/// <inheritdoc/>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 1e-2, Schedule = Schedule.OneCycle, BatchSize = 64, Epochs = 20, QuantizationAware = QuantizationAware.StraightThrough)]
[Quantize(QuantizationMode.Static)]
public sealed partial class NarrowMobileNet : NarrowMobileNetNet;

/// <inheritdoc/>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 1e-2, Schedule = Schedule.OneCycle, BatchSize = 64, Epochs = 20, QuantizationAware = QuantizationAware.LearnedStepSize)]
[Quantize(QuantizationMode.Static)]
public sealed partial class LearnedNarrowMobileNet : NarrowMobileNetNet;
