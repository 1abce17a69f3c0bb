using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ModelGen.EndToEnd.Tests.Models;

/// <summary>Small, with everything that a checkpoint must hold: running statistics and random numbers.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 0.01, Schedule = Schedule.OneCycle, BatchSize = 8, Epochs = 3)]
public sealed partial class ResumeNet
{
    [Conv2d(4, 3)] private partial Tensor Conv(Tensor x);

    [BatchNorm2d] private partial Tensor Norm(Tensor x);

    [Dropout(0.3)] private partial Tensor Drop(Tensor x);

    [Linear(3)] private partial Tensor Head(Tensor x);

    public Tensor Forward([Shape("N", 1, 6, 6)] Tensor image) => Head(Drop(flatten(relu(Norm(Conv(image))), 1)));
}

/// <summary>The logarithm of what can be negative.</summary>
[Model]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01, BatchSize = 4)]
public sealed partial class FragileNet
{
    [Linear(5)] private partial Tensor First(Tensor x);

    [LayerNorm] private partial Tensor Second(Tensor x);

    [Linear(2)] private partial Tensor Third(Tensor x);

    public Tensor Forward([Shape("N", 3)] Tensor x) => Third(Second(log(First(x))));
}

/// <summary>One yes/no label.</summary>
[Model]
[Train(Loss.BCEWithLogits, Optimizer.SGD, LearningRate = 0.1)]
public sealed partial class YesNoNet
{
    [Linear(1)] private partial Tensor Answer(Tensor x);

    public Tensor Forward([Shape("N", 5)] Tensor x) => Answer(x);
}

/// <summary>Several yes/no labels.</summary>
[Model]
[Train(Loss.BCEWithLogits, Optimizer.SGD, LearningRate = 0.1)]
public sealed partial class LabelsNet
{
    [Linear(3)] private partial Tensor Answers(Tensor x);

    public Tensor Forward([Shape("N", 5)] Tensor x) => Answers(x);
}
