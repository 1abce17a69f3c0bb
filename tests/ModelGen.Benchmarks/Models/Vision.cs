namespace ModelGen.Benchmarks.Models;

/// <summary>The convolutional network of PyTorch's MNIST example.</summary>
public abstract class MnistCnnNet : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1 = Conv2d(1, 32, 3), conv2 = Conv2d(32, 64, 3);
    private readonly Dropout dropout1 = Dropout(0.25), dropout2 = Dropout(0.5);
    private readonly Linear fc1 = Linear(9216, 128), fc2 = Linear(128, 10);

    protected MnistCnnNet()
        : base(nameof(MnistCnnNet)) => RegisterComponents();

    public override Tensor forward([Shape("N", 1, 28, 28)] Tensor x)
    {
        x = functional.relu(conv2.forward(functional.relu(conv1.forward(x))));
        x = dropout1.forward(functional.max_pool2d(x, 2)).flatten(1);
        return fc2.forward(dropout2.forward(functional.relu(fc1.forward(x))));
    }
}

/// <summary>A multilayer perceptron.</summary>
public abstract class MlpNet : Module<Tensor, Tensor>
{
    private readonly Sequential layers = Sequential(Linear(784, 512), ReLU(), Linear(512, 512), ReLU(), Linear(512, 10));

    protected MlpNet()
        : base(nameof(MlpNet)) => RegisterComponents();

    public override Tensor forward([Shape("N", 784)] Tensor x) => layers.forward(x);
}

/// <summary>ResNet-18 with a stem for images of 32x32 (He et al., arXiv:1512.03385).</summary>
public abstract class ResNet18Net : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1 = Conv2d(3, 64, 3, padding: 1, bias: false);
    private readonly BatchNorm2d bn1 = BatchNorm2d(64);
    private readonly Sequential layers;
    private readonly Linear fc = Linear(512, 10);

    protected ResNet18Net()
        : base(nameof(ResNet18Net))
    {
        layers = ResidualBlock.Stages();
        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 3, 32, 32)] Tensor x)
    {
        x = layers.forward(functional.relu(bn1.forward(conv1.forward(x))));
        return fc.forward(functional.adaptive_avg_pool2d(x, 1).flatten(1));
    }
}

/// <summary>MobileNetV2 (Sandler et al., arXiv:1801.04381) with strides for images of 32x32.</summary>
public abstract class MobileNetV2Net : Module<Tensor, Tensor>
{
    private readonly Sequential features;
    private readonly Linear classifier = Linear(1280, 10);

    protected MobileNetV2Net()
        : base(nameof(MobileNetV2Net))
    {
        features = MobileNetStages.All(1, [1, 1, 2, 2, 1, 2, 1]);
        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 3, 32, 32)] Tensor x) => classifier.forward(features.forward(x).mean([2, 3]));
}

/// <summary>ResNet-18 as published, for images of 224x224.</summary>
[Model]
public sealed partial class ResNet18Photo : Module<Tensor, Tensor>
{
    private readonly Conv2d conv1 = Conv2d(3, 64, 7, stride: 2, padding: 3, bias: false);
    private readonly BatchNorm2d bn1 = BatchNorm2d(64);
    private readonly Sequential layers = ResidualBlock.Stages();
    private readonly Linear fc = Linear(512, 1000);

    public ResNet18Photo()
        : base(nameof(ResNet18Photo)) => RegisterComponents();

    public override Tensor forward([Shape("N", 3, 224, 224)] Tensor x)
    {
        x = functional.max_pool2d(functional.relu(bn1.forward(conv1.forward(x))), 3, stride: 2, padding: 1);
        return fc.forward(functional.adaptive_avg_pool2d(layers.forward(x), 1).flatten(1));
    }
}

/// <summary>MobileNetV2 as published, for images of 224x224.</summary>
[Model]
public sealed partial class MobileNetV2Photo : Module<Tensor, Tensor>
{
    private readonly Sequential features = MobileNetStages.All(2, [1, 2, 2, 2, 1, 2, 1]);
    private readonly Linear classifier = Linear(1280, 1000);

    public MobileNetV2Photo()
        : base(nameof(MobileNetV2Photo)) => RegisterComponents();

    public override Tensor forward([Shape("N", 3, 224, 224)] Tensor x) => classifier.forward(features.forward(x).mean([2, 3]));
}

/// <summary>A small U-Net (Ronneberger et al., arXiv:1505.04597): width 32, three levels, batch normalisation.</summary>
public abstract class UNetNet : Module<Tensor, Tensor>
{
    private readonly Sequential down1 = Double(3, 32), down2 = Double(32, 64), down3 = Double(64, 128), bottom = Double(128, 256), join3 = Double(256, 128), join2 = Double(128, 64), join1 = Double(64, 32);
    private readonly ConvTranspose2d up3 = ConvTranspose2d(256, 128, 2, stride: 2), up2 = ConvTranspose2d(128, 64, 2, stride: 2), up1 = ConvTranspose2d(64, 32, 2, stride: 2);
    private readonly Conv2d head = Conv2d(32, 2, 1);

    protected UNetNet()
        : base(nameof(UNetNet)) => RegisterComponents();

    public override Tensor forward([Shape("N", 3, 64, 64)] Tensor x)
    {
        Tensor a = down1.forward(x);
        Tensor b = down2.forward(functional.max_pool2d(a, 2));
        Tensor c = down3.forward(functional.max_pool2d(b, 2));
        x = bottom.forward(functional.max_pool2d(c, 2));
        x = join3.forward(cat([c, up3.forward(x)], 1));
        x = join2.forward(cat([b, up2.forward(x)], 1));
        x = join1.forward(cat([a, up1.forward(x)], 1));
        return head.forward(x);
    }

    private static Sequential Double(int inputs, int outputs) => Sequential(
        Conv2d(inputs, outputs, 3, padding: 1, bias: false), BatchNorm2d(outputs), ReLU(),
        Conv2d(outputs, outputs, 3, padding: 1, bias: false), BatchNorm2d(outputs), ReLU());
}
