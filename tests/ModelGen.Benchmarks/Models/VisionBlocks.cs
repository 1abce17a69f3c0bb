namespace ModelGen.Benchmarks.Models;

/// <summary>Two convolutions around which the input is added.</summary>
internal sealed class ResidualBlock : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1, conv2;
    private readonly BatchNorm2d bn1, bn2;
    private readonly Sequential? downsample;

    /// <summary>The four stages of ResNet-18.</summary>
    public static Sequential Stages()
    {
        var blocks = new List<Module<Tensor, Tensor>>();
        long channels = 64;
        foreach ((long width, long stride) in new[] { (64L, 1L), (64L, 1L), (128L, 2L), (128L, 1L), (256L, 2L), (256L, 1L), (512L, 2L), (512L, 1L) })
        {
            blocks.Add(new ResidualBlock(channels, width, stride));
            channels = width;
        }

        return Sequential(blocks);
    }

    public ResidualBlock(long inputs, long width, long stride)
        : base(nameof(ResidualBlock))
    {
        (conv1, bn1) = (Conv2d(inputs, width, 3, stride, 1, bias: false), BatchNorm2d(width));
        (conv2, bn2) = (Conv2d(width, width, 3, padding: 1, bias: false), BatchNorm2d(width));
        downsample = stride != 1 || inputs != width ? Sequential(Conv2d(inputs, width, 1, stride, bias: false), BatchNorm2d(width)) : null;
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        Tensor y = functional.relu(bn1.forward(conv1.forward(x)));
        y = bn2.forward(conv2.forward(y));
        return functional.relu(y + (downsample is null ? x : downsample.forward(x)));
    }
}

/// <summary>The layers of MobileNetV2 before its classifier.</summary>
internal static class MobileNetStages
{
    public static Sequential All(int firstStride, int[] strides)
    {
        (int Expand, int Channels, int Repeats)[] stages = [(1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1)];
        int channels = 32;
        var layers = new List<Module<Tensor, Tensor>> { ConvBnRelu(3, channels, 3, firstStride) };
        for (int stage = 0; stage < stages.Length; stage++)
        {
            (int expand, int width, int repeats) = stages[stage];
            for (int i = 0; i < repeats; i++)
            {
                layers.Add(new InvertedResidual(channels, width, i == 0 ? strides[stage] : 1, expand));
                channels = width;
            }
        }

        layers.Add(ConvBnRelu(channels, 1280, 1, 1));
        return Sequential(layers);
    }

    public static Sequential ConvBnRelu(int inputs, int outputs, int kernel, int stride, int groups = 1) =>
        Sequential(Conv2d(inputs, outputs, kernel, stride, (kernel - 1) / 2, groups: groups, bias: false), BatchNorm2d(outputs), ReLU6());
}

/// <summary>Widens, filters each channel, narrows.</summary>
internal sealed class InvertedResidual : Module<Tensor, Tensor>
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
            layers.Add(MobileNetStages.ConvBnRelu(inputs, hidden, 1, 1));
        }

        layers.AddRange([MobileNetStages.ConvBnRelu(hidden, hidden, 3, stride, hidden), Conv2d(hidden, outputs, 1, bias: false), BatchNorm2d(outputs)]);
        conv = Sequential(layers);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => residual ? x + conv.forward(x) : conv.forward(x);
}
