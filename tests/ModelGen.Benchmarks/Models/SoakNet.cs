using static TorchSharp.torch.nn.functional;

namespace ModelGen.Benchmarks.Models;

/// <summary>Small, so that many steps take little time, with running statistics and random numbers.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 2e-3, Schedule = Schedule.Cosine, BatchSize = 16)]
public sealed partial class SoakNet
{
    [Conv2d(8, 3)] private partial Tensor Conv(Tensor x);

    [BatchNorm2d] private partial Tensor Norm(Tensor x);

    [Dropout(0.1)] private partial Tensor Drop(Tensor x);

    [Linear(9)] private partial Tensor Head(Tensor x);

    public Tensor Forward([Shape("N", 1, 12, 12)] Tensor image) => Head(Drop(flatten(max_pool2d(relu(Norm(Conv(image))), 2), 1)));
}
