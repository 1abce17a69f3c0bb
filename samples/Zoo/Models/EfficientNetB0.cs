namespace ModelGen.Samples.Zoo;

/// <summary>EfficientNet-B0 (Tan and Le, arXiv:1905.11946), without the random dropping of whole blocks.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class EfficientNetB0 : Module<Tensor, Tensor>
{
    private readonly Sequential features;
    private readonly AdaptiveAvgPool2d avgpool = AdaptiveAvgPool2d(1);
    private readonly Sequential classifier;

    public EfficientNetB0(int classes = 1000)
        : base(nameof(EfficientNetB0))
    {
        var stages = new[]
        {
            (Expand: 1, Kernel: 3, Stride: 1, Inputs: 32, Outputs: 16, Repeats: 1),
            (Expand: 6, Kernel: 3, Stride: 2, Inputs: 16, Outputs: 24, Repeats: 2),
            (Expand: 6, Kernel: 5, Stride: 2, Inputs: 24, Outputs: 40, Repeats: 2),
            (Expand: 6, Kernel: 3, Stride: 2, Inputs: 40, Outputs: 80, Repeats: 3),
            (Expand: 6, Kernel: 5, Stride: 1, Inputs: 80, Outputs: 112, Repeats: 3),
            (Expand: 6, Kernel: 5, Stride: 2, Inputs: 112, Outputs: 192, Repeats: 4),
            (Expand: 6, Kernel: 3, Stride: 1, Inputs: 192, Outputs: 320, Repeats: 1),
        };
        IEnumerable<Module<Tensor, Tensor>> body = stages.Select(static stage => (Module<Tensor, Tensor>)Sequential(Enumerable.Range(0, stage.Repeats)
            .Select(i => (Module<Tensor, Tensor>)new MbConv(i == 0 ? stage.Inputs : stage.Outputs, stage.Outputs, stage.Kernel, i == 0 ? stage.Stride : 1, stage.Expand))));
        features = Sequential(body.Prepend(ConvNormSilu(3, 32, 3, 2)).Append(ConvNormSilu(320, 1280, 1)));
        classifier = Sequential(Dropout(0.2), Linear(1280, classes));
        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 3, 64, 64)] Tensor x) => classifier.forward(avgpool.forward(features.forward(x)).flatten(1));

    private static Sequential ConvNormSilu(int inputs, int outputs, int kernel, int stride = 1, int groups = 1, bool activate = true)
    {
        Module<Tensor, Tensor>[] layers = [Conv2d(inputs, outputs, kernel, stride, kernel / 2, groups: groups, bias: false), BatchNorm2d(outputs)];
        return Sequential(activate ? [.. layers, SiLU()] : layers);
    }

    private sealed class MbConv : Module<Tensor, Tensor>
    {
        private readonly Sequential block;
        private readonly bool useShortcut;

        public MbConv(int inputs, int outputs, int kernel, int stride, int expand)
            : base(nameof(MbConv))
        {
            int hidden = inputs * expand;
            List<Module<Tensor, Tensor>> layers = [];
            if (hidden != inputs)
            {
                layers.Add(ConvNormSilu(inputs, hidden, 1));
            }

            layers.Add(ConvNormSilu(hidden, hidden, kernel, stride, hidden));
            layers.Add(new Excitation(hidden, Math.Max(1, inputs / 4)));
            layers.Add(ConvNormSilu(hidden, outputs, 1, activate: false));
            block = Sequential(layers.ToArray());
            useShortcut = stride == 1 && inputs == outputs;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            Tensor y = block.call(x);
            return useShortcut ? y.add(x) : y;
        }
    }

    private sealed class Excitation : Module<Tensor, Tensor>
    {
        private readonly Conv2d fc1;
        private readonly Conv2d fc2;

        public Excitation(int channels, int squeezed)
            : base(nameof(Excitation))
        {
            fc1 = Conv2d(channels, squeezed, 1);
            fc2 = Conv2d(squeezed, channels, 1);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => x * fc2.forward(functional.silu(fc1.forward(x.mean([2, 3], keepdim: true)))).sigmoid();
    }
}
