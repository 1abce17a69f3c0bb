namespace ModelGen.Samples.Zoo;

/// <summary>Residual networks (He et al., arXiv:1512.03385) and their grouped form (Xie et al., arXiv:1611.05431).</summary>
public abstract class ResNet : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1;
    private readonly Module<Tensor, Tensor> bn1;
    private readonly Sequential layer1, layer2, layer3, layer4;
    private readonly Linear fc;
    private readonly Func<long, Module<Tensor, Tensor>> norm;
    private readonly Settings settings;
    private long channels = 64;

    protected ResNet(Settings settings, Func<long, Module<Tensor, Tensor>>? norm = null)
        : base("resnet")
    {
        this.settings = settings;
        this.norm = norm ?? (static width => BatchNorm2d(width));
        conv1 = Conv2d(3, 64, 7, stride: 2, padding: 3, bias: false);
        bn1 = this.norm(64);
        layer1 = MakeLayer(64, settings.Blocks[0], 1);
        layer2 = MakeLayer(128, settings.Blocks[1], 2);
        layer3 = MakeLayer(256, settings.Blocks[2], 2);
        layer4 = MakeLayer(512, settings.Blocks[3], 2);
        fc = Linear(512 * settings.Expansion, settings.Classes);
        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 3, 64, 64)] Tensor x)
    {
        x = functional.relu(bn1.forward(conv1.forward(x)));
        x = functional.max_pool2d(x, 3, stride: 2, padding: 1);
        foreach (Sequential layer in new[] { layer1, layer2, layer3, layer4 })
        {
            x = layer.forward(x);
        }

        x = functional.adaptive_avg_pool2d(x, 1);
        return fc.forward(torch.flatten(x, 1));
    }

    private Sequential MakeLayer(long width, int blocks, long stride)
    {
        long outputs = width * settings.Expansion;
        Sequential? downsample = stride != 1 || channels != outputs ? Sequential(Conv2d(channels, outputs, 1, stride, bias: false), norm(outputs)) : null;
        var layers = new List<Module<Tensor, Tensor>>();
        for (int i = 0; i < blocks; i++)
        {
            (Sequential? shortcut, long step) = i == 0 ? (downsample, stride) : (null, 1);
            layers.Add(settings.Bottleneck
                ? new BottleneckBlock(channels, width, step, shortcut, settings, norm)
                : new BasicBlock(channels, width, step, shortcut, norm));
            channels = outputs;
        }

        return Sequential(layers);
    }

    /// <summary>Sizes of a residual network.</summary>
    protected sealed record Settings(int[] Blocks, bool Bottleneck, int Groups = 1, int GroupWidth = 64, int Classes = 1000)
    {
        public int Expansion => Bottleneck ? 4 : 1;
    }

    private sealed class BasicBlock : Module<Tensor, Tensor>
    {
        private readonly Conv2d conv1, conv2;
        private readonly Module<Tensor, Tensor> bn1, bn2;
        private readonly Module<Tensor, Tensor>? downsample;

        public BasicBlock(long inputs, long width, long stride, Module<Tensor, Tensor>? downsample, Func<long, Module<Tensor, Tensor>> norm)
            : base(nameof(BasicBlock))
        {
            conv1 = Conv2d(inputs, width, 3, stride, 1, bias: false);
            bn1 = norm(width);
            conv2 = Conv2d(width, width, 3, padding: 1, bias: false);
            bn2 = norm(width);
            this.downsample = downsample;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            Tensor identity = downsample is null ? x : downsample.forward(x);
            Tensor y = functional.relu(bn1.forward(conv1.forward(x)), inplace: true);
            y = bn2.forward(conv2.forward(y));
            y.add_(identity);
            return y.relu_();
        }
    }

    private sealed class BottleneckBlock : Module<Tensor, Tensor>
    {
        private readonly Conv2d conv1, conv2, conv3;
        private readonly Module<Tensor, Tensor> bn1, bn2, bn3;
        private readonly Module<Tensor, Tensor> relu = ReLU();
        private readonly Module<Tensor, Tensor>? downsample;

        public BottleneckBlock(long inputs, long planes, long stride, Module<Tensor, Tensor>? downsample, Settings settings, Func<long, Module<Tensor, Tensor>> norm)
            : base(nameof(BottleneckBlock))
        {
            long width = (long)(planes * (settings.GroupWidth / 64.0)) * settings.Groups;
            conv1 = Conv2d(inputs, width, 1, bias: false);
            bn1 = norm(width);
            conv2 = Conv2d(width, width, 3, stride, 1, groups: settings.Groups, bias: false);
            bn2 = norm(width);
            conv3 = Conv2d(width, planes * settings.Expansion, 1, bias: false);
            bn3 = norm(planes * settings.Expansion);
            this.downsample = downsample;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            Tensor y = relu.forward(bn1.forward(conv1.forward(x)));
            y = relu.forward(bn2.forward(conv2.forward(y)));
            y = bn3.forward(conv3.forward(y));
            y += downsample?.forward(x) ?? x;
            return relu.forward(y);
        }
    }
}

[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class ResNet18() : ResNet(new Settings([2, 2, 2, 2], Bottleneck: false));

[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class ResNet50() : ResNet(new Settings([3, 4, 6, 3], Bottleneck: true));

[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class ResNeXt50() : ResNet(new Settings([3, 4, 6, 3], Bottleneck: true, Groups: 32, GroupWidth: 4));
