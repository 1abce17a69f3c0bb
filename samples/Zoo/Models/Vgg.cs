namespace ModelGen.Samples.Zoo;

/// <summary>VGG (Simonyan and Zisserman, arXiv:1409.1556): stacks of 3 x 3 convolutions.</summary>
public abstract class Vgg : Module<Tensor, Tensor>
{
    // Channels of the convolutions; 0 is a pooling.
    private static readonly Dictionary<int, int[]> Plans = new()
    {
        [11] = [64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0],
        [16] = [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0],
    };

    private readonly Sequential features;
    private readonly Sequential classifier;

    protected Vgg(int depth, bool norm, int classes = 1000, double dropout = 0.5)
        : base($"vgg{depth}")
    {
        if (!Plans.TryGetValue(depth, out int[]? plan))
        {
            throw new ArgumentOutOfRangeException(nameof(depth), depth, "There is no such VGG.");
        }

        features = MakeFeatures(plan, norm);
        classifier = Sequential(
            Linear(512 * 7 * 7, 4096), ReLU(true), Dropout(dropout),
            Linear(4096, 4096), ReLU(true), Dropout(dropout),
            Linear(4096, classes));
        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 3, 64, 64)] Tensor x)
    {
        x = features.forward(x);
        x = functional.adaptive_avg_pool2d(x, 7);
        return classifier.forward(x.flatten(start_dim: 1));
    }

    private static Sequential MakeFeatures(int[] plan, bool norm)
    {
        var layers = new List<Module<Tensor, Tensor>>();
        int channels = 3;
        foreach (int next in plan)
        {
            if (next == 0)
            {
                layers.Add(MaxPool2d(2, 2));
                continue;
            }

            layers.Add(Conv2d(channels, next, 3, padding: 1));
            if (norm)
            {
                layers.Add(BatchNorm2d(next));
            }

            layers.Add(ReLU(true));
            channels = next;
        }

        return Sequential(layers);
    }
}

[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class Vgg11() : Vgg(11, norm: false);

[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class Vgg16() : Vgg(16, norm: false);

[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class Vgg11Bn() : Vgg(11, norm: true);

[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class Vgg16Bn() : Vgg(16, norm: true);
