namespace ModelGen.Samples.Zoo;

/// <summary>AlexNet in its single-tower form (Krizhevsky, arXiv:1404.5997).</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class AlexNet : Module<Tensor, Tensor>
{
    private readonly Module<Tensor, Tensor> features;
    private readonly Module<Tensor, Tensor> avgpool;
    private readonly Module<Tensor, Tensor> classifier;

    public AlexNet(int classes = 1000, double dropout = 0.5)
        : base(nameof(AlexNet))
    {
        features = Sequential(
            Conv2d(3, 64, 11, stride: 4, padding: 2),
            ReLU(inplace: true),
            MaxPool2d(3, stride: 2),
            Conv2d(64, 192, 5, padding: 2),
            ReLU(inplace: true),
            MaxPool2d(3, stride: 2),
            Conv2d(192, 384, 3, padding: 1),
            ReLU(inplace: true),
            Conv2d(384, 256, 3, padding: 1),
            ReLU(inplace: true),
            Conv2d(256, 256, 3, padding: 1),
            ReLU(inplace: true),
            MaxPool2d(3, stride: 2));
        avgpool = AdaptiveAvgPool2d([6, 6]);
        classifier = Sequential(
            Dropout(dropout),
            Linear(256 * 6 * 6, 4096),
            ReLU(inplace: true),
            Dropout(dropout),
            Linear(4096, 4096),
            ReLU(inplace: true),
            Linear(4096, classes));
        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 3, 96, 96)] Tensor x)
    {
        using var scope = NewDisposeScope();
        x = avgpool.call(features.call(x));
        return classifier.call(x.flatten(1)).MoveToOuterDisposeScope();
    }
}
