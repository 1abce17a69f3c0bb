using static TorchSharp.torch.nn.functional;

namespace ModelGen.Benchmarks.Models;

/// <summary>Depthwise separable blocks with few channels: what 8 bits hurt most.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 3e-3, BatchSize = 64, Epochs = 12, Schedule = Schedule.Cosine, QuantizationAware = QuantizationAware.StraightThrough)]
[Quantize(QuantizationMode.Static)]
public sealed partial class SeparableDigits
{
    [Conv2d(8, 3, Padding = 1, Bias = false)] private partial Tensor Stem(Tensor x);

    [BatchNorm2d] private partial Tensor StemNorm(Tensor x);

    [Conv2d(8, 3, Padding = 1, Groups = 8, Bias = false)] private partial Tensor Depthwise1(Tensor x);

    [BatchNorm2d] private partial Tensor DepthwiseNorm1(Tensor x);

    [Conv2d(16, 1, Bias = false)] private partial Tensor Pointwise1(Tensor x);

    [BatchNorm2d] private partial Tensor PointwiseNorm1(Tensor x);

    [Conv2d(16, 3, Padding = 1, Groups = 16, Bias = false)] private partial Tensor Depthwise2(Tensor x);

    [BatchNorm2d] private partial Tensor DepthwiseNorm2(Tensor x);

    [Conv2d(16, 1, Bias = false)] private partial Tensor Pointwise2(Tensor x);

    [BatchNorm2d] private partial Tensor PointwiseNorm2(Tensor x);

    [Linear(10)] private partial Tensor Classify(Tensor x);

    /// <summary>Energies of the channels: a few of them are many times as large as the rest.</summary>
    public Tensor Forward([Shape("N", 1, 8, 8)] Tensor image)
    {
        Tensor x = relu(StemNorm(Stem(image)));
        x = PointwiseNorm1(Pointwise1(relu(DepthwiseNorm1(Depthwise1(x)))));
        x = max_pool2d(x, 2);
        x += PointwiseNorm2(Pointwise2(relu(DepthwiseNorm2(Depthwise2(x)))));
        return Classify((x * x * x).mean([2L, 3L]));
    }
}
