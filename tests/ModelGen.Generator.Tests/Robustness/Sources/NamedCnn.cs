/// <summary>Layers with names, made in loops.</summary>
[Model(10, 0.25)]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.05)]
public partial class NamedCnn : Module<Tensor, Tensor>
{
    private static readonly int[] Widths = [8, 16];
    private readonly Sequential features, classifier;
    private readonly double rate;

    public NamedCnn(int classes, double dropout = 0.5)
        : base(nameof(NamedCnn))
    {
        rate = dropout;
        var layers = new List<(string, Module<Tensor, Tensor>)>();
        int channels = 3;
        for (int i = 0; i < Widths.Length; i++)
        {
            layers.Add(($"conv{i}", Conv2d(channels, Widths[i], 3, padding: 1, bias: i > 0)));
            layers.Add(($"norm{i}", BatchNorm2d(Widths[i])));
            layers.Add(($"act{i}", i % 2 == 0 ? ReLU() : LeakyReLU(0.1)));
            layers.Add(($"pool{i}", MaxPool2d(2)));
            channels = Widths[i];
        }

        features = Sequential(layers);
        int width = channels * 4 * 4;
        var head = new List<(string, Module<Tensor, Tensor>)>();
        int step = 0;
        while (width > 64)
        {
            int next = width / 2;
            head.Add(("fc" + step, Linear(width, next)));
            head.Add(("drop" + step, Dropout(rate)));
            width = next;
            step++;
        }

        head.Add(("out", Linear(width, classes)));
        classifier = Sequential(head);
        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 3, 16, 16)] Tensor image)
    {
        using var scope = NewDisposeScope();
        Tensor x = (image - 0.5) / 0.25;
        x = features.forward(x);
        x = x.view(x.shape[0], -1);
        return log_softmax(classifier.forward(x), 1).MoveToOuterDisposeScope();
    }
}
