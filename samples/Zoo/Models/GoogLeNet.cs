namespace ModelGen.Samples.Zoo;

/// <summary>GoogLeNet (Szegedy et al., arXiv:1409.4842) with batch normalisation and without the auxiliary heads.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class GoogLeNet : Module<Tensor, Tensor>
{
    private readonly BasicConv conv1 = new(3, 64, 7, stride: 2, padding: 3);
    private readonly BasicConv conv2 = new(64, 64, 1);
    private readonly BasicConv conv3 = new(64, 192, 3, padding: 1);
    private readonly ModuleDict<Module<Tensor, Tensor>> inceptions = new();
    private readonly Dropout dropout = Dropout(0.2);
    private readonly Linear fc = Linear(1024, 1000);

    public GoogLeNet()
        : base(nameof(GoogLeNet))
    {
        (string Name, int Inputs, int[] Widths)[] table =
        [
            ("3a", 192, [64, 96, 128, 16, 32, 32]), ("3b", 256, [128, 128, 192, 32, 96, 64]),
            ("4a", 480, [192, 96, 208, 16, 48, 64]), ("4b", 512, [160, 112, 224, 24, 64, 64]), ("4c", 512, [128, 128, 256, 24, 64, 64]),
            ("4d", 512, [112, 144, 288, 32, 64, 64]), ("4e", 528, [256, 160, 320, 32, 128, 128]),
            ("5a", 832, [256, 160, 320, 32, 128, 128]), ("5b", 832, [384, 192, 384, 48, 128, 128]),
        ];
        foreach ((string name, int inputs, int[] widths) in table)
        {
            inceptions.Add($"inception{name}", new Inception(inputs, widths));
        }

        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 3, 64, 64)] Tensor x)
    {
        x = functional.max_pool2d(conv1.forward(x), 3, 2, ceil_mode: true);
        x = functional.max_pool2d(conv3.forward(conv2.forward(x)), 3, 2, ceil_mode: true);
        foreach ((string name, Module<Tensor, Tensor> inception) in inceptions)
        {
            // A pooling before the fourth and the fifth group.
            if (name is "inception4a")
            {
                x = functional.max_pool2d(x, 3, 2, ceil_mode: true);
            }
            else if (name == "inception5a")
            {
                x = functional.max_pool2d(x, 2, 2, ceil_mode: true);
            }

            x = inception.forward(x);
        }

        x = torch.flatten(functional.adaptive_avg_pool2d(x, 1), 1);
        return fc.forward(dropout.forward(x));
    }

    private sealed class BasicConv : Module<Tensor, Tensor>
    {
        private readonly Conv2d conv;
        private readonly BatchNorm2d bn;

        public BasicConv(int inputs, int outputs, int kernel, int stride = 1, int padding = 0)
            : base(nameof(BasicConv))
        {
            conv = Conv2d(inputs, outputs, kernel, stride, padding, bias: false);
            bn = BatchNorm2d(outputs, eps: 0.001);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => functional.relu(bn.forward(conv.forward(x)), inplace: true);
    }

    private sealed class Inception : Module<Tensor, Tensor>
    {
        private readonly BasicConv branch1;
        private readonly Sequential branch2, branch3, branch4;

        public Inception(int inputs, int[] w)
            : base(nameof(Inception))
        {
            branch1 = new BasicConv(inputs, w[0], 1);
            branch2 = Sequential(new BasicConv(inputs, w[1], 1), new BasicConv(w[1], w[2], 3, padding: 1));
            branch3 = Sequential(new BasicConv(inputs, w[3], 1), new BasicConv(w[3], w[4], 3, padding: 1));
            branch4 = Sequential(MaxPool2d(3, stride: 1, padding: 1, ceil_mode: true), new BasicConv(inputs, w[5], 1));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var outputs = new List<Tensor> { branch1.forward(x) };
            foreach (Sequential branch in (Sequential[])[branch2, branch3, branch4])
            {
                outputs.Add(branch.forward(x));
            }

            return cat(outputs, 1);
        }
    }
}
