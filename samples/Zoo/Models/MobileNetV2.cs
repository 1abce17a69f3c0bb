namespace ModelGen.Samples.Zoo;

/// <summary>MobileNetV2 (Sandler et al., arXiv:1801.04381): inverted residuals with depthwise convolutions.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class MobileNetV2 : Module<Tensor, Tensor>
{
    private readonly Sequential features;
    private readonly Sequential classifier;

    public MobileNetV2(int classes = 1000, double multiplier = 1.0, double dropout = 0.2)
        : base(nameof(MobileNetV2))
    {
        (int Expand, int Channels, int Repeats, int Stride)[] stages = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];
        int channels = Divisible(32 * multiplier);
        int last = Divisible(1280 * Math.Max(1.0, multiplier));
        var layers = new List<Module<Tensor, Tensor>> { ConvBnRelu(3, channels, 3, 2) };
        foreach ((int expand, int width, int repeats, int stride) in stages)
        {
            int outputs = Divisible(width * multiplier);
            for (int i = 0; i < repeats; i++)
            {
                layers.Add(new InvertedResidual(channels, outputs, i == 0 ? stride : 1, expand));
                channels = outputs;
            }
        }

        layers.Add(ConvBnRelu(channels, last, 1, 1));
        features = Sequential(layers);
        classifier = Sequential(Dropout(dropout), Linear(last, classes));
        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 3, 64, 64)] Tensor x)
    {
        x = features.forward(x);
        return classifier.forward(x.mean([2, 3]));
    }

    private static int Divisible(double value, int divisor = 8)
    {
        int rounded = Math.Max(divisor, (int)(value + (divisor / 2)) / divisor * divisor);
        return rounded < 0.9 * value ? rounded + divisor : rounded;
    }

    private static Sequential ConvBnRelu(int inputs, int outputs, int kernel, int stride, int groups = 1) =>
        Sequential(Conv2d(inputs, outputs, kernel, stride, (kernel - 1) / 2, groups: groups, bias: false), BatchNorm2d(outputs), ReLU6());

    private sealed class InvertedResidual : Module<Tensor, Tensor>
    {
        private readonly Sequential conv;
        private readonly bool residual;

        public InvertedResidual(int inputs, int outputs, int stride, int expand)
            : base(nameof(InvertedResidual))
        {
            int hidden = inputs * expand;
            residual = stride == 1 && inputs == outputs;
            var layers = new List<Module<Tensor, Tensor>>();
            if (expand != 1)
            {
                layers.Add(ConvBnRelu(inputs, hidden, 1, 1));
            }

            layers.AddRange([ConvBnRelu(hidden, hidden, 3, stride, hidden), Conv2d(hidden, outputs, 1, bias: false), BatchNorm2d(outputs)]);
            conv = Sequential(layers);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => residual ? x + conv.forward(x) : conv.forward(x);
    }
}
