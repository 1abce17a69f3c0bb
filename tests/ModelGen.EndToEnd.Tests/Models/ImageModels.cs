using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ModelGen.EndToEnd.Tests.Models;

[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 1e-3)]
public sealed partial class SimpleCnn
{
    [Conv2d(8, 3)] private partial Tensor Conv1(Tensor x);

    [Conv2d(12, 3, Stride = 2, Padding = 1)] private partial Tensor Conv2(Tensor x);

    [Linear(10)] private partial Tensor Classify(Tensor x);

    public Tensor Forward([Shape("N", 1, 12, 12)] Tensor image)
    {
        var x = relu(Conv1(image));
        x = max_pool2d(relu(Conv2(x)), 2);
        return Classify(flatten(x, 1));
    }
}

[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.05, Momentum = 0.9, Nesterov = true, LabelSmoothing = 0.1)]
public sealed partial class NormalizedCnn
{
    [Conv2d(8, new[] { 3, 5 }, Padding = new[] { 1, 2 }, Bias = false)] private partial Tensor Conv1(Tensor x);

    [BatchNorm2d] private partial Tensor Norm1(Tensor x);

    [MaxPool2d(2)] private partial Tensor Pool(Tensor x);

    [Conv2d(8, 3, Padding = "same", Groups = 8)] private partial Tensor Depthwise(Tensor x);

    [BatchNorm2d(Epsilon = 1e-3, Momentum = 0.2)] private partial Tensor Norm2(Tensor x);

    [AdaptiveAvgPool2d(1)] private partial Tensor Average(Tensor x);

    [Linear(5)] private partial Tensor Classify(Tensor x);

    public Tensor Forward([Shape("N", 3, 8, 8)] Tensor image)
    {
        var x = Pool(relu(Norm1(Conv1(image))));
        x = hardswish(Norm2(Depthwise(x)));
        return Classify(Average(x).flatten(1));
    }
}

[Model]
[Train(Loss.CrossEntropy, Optimizer.Adam, WeightDecay = 1e-2)]
public sealed partial class ResidualNet
{
    private readonly ResidualBlock stage1 = new(8);
    private readonly ResidualBlock[] stages = [new(8, stride: 1), new(16, stride: 2)];

    [Conv2d(8, 3, Padding = 1)] private partial Tensor Stem(Tensor x);

    [Linear(4)] private partial Tensor Classify(Tensor x);

    public Tensor Forward([Shape("N", 2, 8, 8)] Tensor image)
    {
        var x = stage1.Forward(relu(Stem(image)));
        foreach (var stage in stages)
        {
            x = stage.Forward(x);
        }

        return Classify(x.mean([2, 3]));
    }
}

[Model]
public sealed partial class ResidualBlock(int channels, int stride = 1)
{
    [Conv2d(nameof(channels), 3, Stride = nameof(stride), Padding = 1, Bias = false)] private partial Tensor Conv1(Tensor x);

    [BatchNorm2d] private partial Tensor Norm1(Tensor x);

    [Conv2d(nameof(channels), 3, Padding = 1, Bias = false)] private partial Tensor Conv2(Tensor x);

    [BatchNorm2d] private partial Tensor Norm2(Tensor x);

    [Conv2d(nameof(channels), 1, Stride = nameof(stride))] private partial Tensor Shortcut(Tensor x);

    public Tensor Forward(Tensor x)
    {
        var y = relu(Norm1(Conv1(x)));
        y = Norm2(Conv2(y));
        var skip = stride == 1 && x.shape[1] == channels ? x : Shortcut(x);
        return relu(y + skip);
    }
}

[Model]
[Train(Loss.MSE, Optimizer.AdamW)]
public sealed partial class PoolingNet
{
    [AvgPool2d(3, Stride = 2, Padding = 1)] private partial Tensor Average(Tensor x);

    [MaxPool2d(3, Stride = 1, Padding = 1)] private partial Tensor Largest(Tensor x);

    [AdaptiveAvgPool2d(new[] { 2, 3 })] private partial Tensor Adaptive(Tensor x);

    [Conv2d(6, 3, Dilation = 2)] private partial Tensor Dilated(Tensor x);

    [Linear(3)] private partial Tensor Out(Tensor x);

    public Tensor Forward([Shape("N", 2, 12, 16)] Tensor image)
    {
        var a = Average(silu(Dilated(image)));
        var b = cat([Largest(a), avg_pool2d(a, 1)], 1);
        return Out(adaptive_avg_pool2d(Adaptive(b), 1).view(-1, 12));
    }
}

[Model]
[Train(Loss.BCEWithLogits, Optimizer.SGD, LearningRate = 0.1, WeightDecay = 0.01)]
public sealed partial class SequenceNet
{
    [Conv1d(6, 3, Padding = 1)] private partial Tensor Conv1(Tensor x);

    [BatchNorm1d] private partial Tensor Norm1(Tensor x);

    [Conv1d(8, 4, Stride = 2, Groups = 2)] private partial Tensor Conv2(Tensor x);

    [Linear(6)] private partial Tensor Hidden(Tensor x);

    [BatchNorm1d] private partial Tensor Norm2(Tensor x);

    [Linear(1)] private partial Tensor Out(Tensor x);

    public Tensor Forward([Shape("N", 4, 16)] Tensor signal)
    {
        var x = leaky_relu(Norm1(Conv1(signal)), 0.1);
        x = elu(Conv2(x), 0.9).flatten(1);
        return Out(tanh(Norm2(Hidden(x))));
    }
}

/// <summary>Declares how its pixels are normalised, and several batch sizes.</summary>
[Model]
[ExportOnnx(Batch = 1, Batches = new[] { 4 })]
public sealed partial class PixelNet
{
    [Conv2d(6, 3, Padding = 1)] private partial Tensor Conv(Tensor x);

    [BatchNorm2d] private partial Tensor Norm(Tensor x);

    [Linear(5)] private partial Tensor Classify(Tensor x);

    public Tensor Forward([Shape("N", 3, 8, 8, Normalize = new[] { 0.5, 0.4, 0.3, 0.2, 0.25, 0.3 })] Tensor image) => Classify(flatten(relu(Norm(Conv(image))), 1));
}
