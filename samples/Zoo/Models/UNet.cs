namespace ModelGen.Samples.Zoo;

/// <summary>U-Net (Ronneberger et al., arXiv:1505.04597) with padding and batch normalisation.</summary>
[Model(1, 2, 16, 3)]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class UNet : Module<Tensor, Tensor>
{
    private readonly ModuleList<Module<Tensor, Tensor>> down = [], up = [], joins = [];
    private readonly Module<Tensor, Tensor> bottom, head;

    public UNet(int channels, int classes, int width, int depth)
        : base(nameof(UNet))
    {
        int inputs = channels;
        for (int i = 0; i < depth; i++)
        {
            down.Add(Double(inputs, width << i));
            inputs = width << i;
        }

        bottom = Double(inputs, inputs * 2);
        for (int i = depth - 1; i >= 0; i--)
        {
            up.Add(ConvTranspose2d(width << (i + 1), width << i, 2, stride: 2));
            joins.Add(Double(width << (i + 1), width << i));
        }

        head = Conv2d(width, classes, 1);
        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 1, 32, 32)] Tensor x)
    {
        var skips = new Stack<Tensor>();
        foreach (Module<Tensor, Tensor> step in down)
        {
            x = step.forward(x);
            skips.Push(x);
            x = functional.max_pool2d(x, 2);
        }

        x = bottom.forward(x);
        for (int i = 0; i < up.Count; i++)
        {
            x = up[i].forward(x);
            x = joins[i].forward(cat([skips.Pop(), x], dim: 1));
        }

        return head.forward(x);
    }

    private static Sequential Double(int inputs, int outputs) => Sequential(
        ("conv1", Conv2d(inputs, outputs, 3, padding: Padding.Same, bias: false)),
        ("norm1", BatchNorm2d(outputs)),
        ("relu1", ReLU()),
        ("conv2", Conv2d(outputs, outputs, 3, padding: Padding.Same, bias: false)),
        ("norm2", BatchNorm2d(outputs)),
        ("relu2", ReLU()));
}
