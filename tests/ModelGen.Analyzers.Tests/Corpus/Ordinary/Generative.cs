using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ModelGen.Analyzers.Tests.Corpus.Ordinary;

/// <summary>An adversarial network in the usual two-step form, without mistakes.</summary>
internal sealed class GeneratorNet : Module<Tensor, Tensor>
{
    private readonly Sequential model;

    public GeneratorNet(int latent, int width)
        : base("generator")
    {
        model = Sequential(
            ("conv1", ConvTranspose2d(latent, width * 4, 4, bias: false)),
            ("norm1", BatchNorm2d(width * 4)),
            ("relu1", ReLU(true)),
            ("conv2", ConvTranspose2d(width * 4, width, 4, stride: 2, padding: 1, bias: false)),
            ("norm2", BatchNorm2d(width)),
            ("relu2", ReLU(true)),
            ("conv3", ConvTranspose2d(width, 1, 4, stride: 2, padding: 1)),
            ("tanh", Tanh()));
        RegisterComponents();
    }

    public override Tensor forward(Tensor z) => model.forward(z);
}

internal sealed class DiscriminatorNet : Module<Tensor, Tensor>
{
    private readonly Sequential model;

    public DiscriminatorNet(int width)
        : base("discriminator")
    {
        model = Sequential(
            Conv2d(1, width, 4, stride: 2, padding: 1, bias: false),
            LeakyReLU(0.2, inplace: true),
            Conv2d(width, width * 2, 4, stride: 2, padding: 1, bias: false),
            BatchNorm2d(width * 2),
            LeakyReLU(0.2, inplace: true),
            Conv2d(width * 2, 1, 4));
        RegisterComponents();
        apply(Initialize);
    }

    private static void Initialize(Module module)
    {
        if (module is Conv2d convolution)
        {
            init.normal_(convolution.weight, 0.0, 0.02);
        }
        else if (module is BatchNorm2d norm)
        {
            init.normal_(norm.weight!, 1.0, 0.02);
            init.zeros_(norm.bias!);
        }
    }

    public override Tensor forward(Tensor x) => model.forward(x).flatten();
}

internal static class Adversarial
{
    public static void Train(DataLoader data, Device device, int epochs)
    {
        using var generator = new GeneratorNet(100, 32);
        using var discriminator = new DiscriminatorNet(32);
        generator.to(device);
        discriminator.to(device);
        using var criterion = BCEWithLogitsLoss();
        using var optimizerG = optim.Adam(generator.parameters(), 0.0002, 0.5, 0.999);
        using var optimizerD = optim.Adam(discriminator.parameters(), 0.0002, 0.5, 0.999);
        using var fixedNoise = torch.randn(64, 100, 1, 1, device: device);
        for (int epoch = 0; epoch < epochs; epoch++)
        {
            generator.train();
            int step = 0;
            foreach (var batch in data)
            {
                using var scope = NewDisposeScope();
                var real = batch["data"].to(device);
                var noise = torch.randn(real.shape[0], 100, 1, 1, device: device);

                optimizerD.zero_grad();
                var fake = generator.forward(noise);
                var onReal = discriminator.forward(real);
                var onFake = discriminator.forward(fake.detach());
                var lossD = (criterion.forward(onReal, torch.ones_like(onReal)) + criterion.forward(onFake, torch.zeros_like(onFake))) * 0.5;
                lossD.backward();
                optimizerD.step();

                optimizerG.zero_grad();
                var again = discriminator.forward(fake);
                var lossG = criterion.forward(again, torch.ones_like(again));
                lossG.backward();
                optimizerG.step();

                if (++step % 100 == 0)
                {
                    Console.WriteLine($"[{epoch}/{epochs}] D {lossD.item<float>():F3} G {lossG.item<float>():F3}");
                }
            }

            generator.eval();
            using (no_grad())
            {
                using var samples = generator.forward(fixedNoise);
                Console.WriteLine(samples.mean().item<float>());
            }
        }

        generator.save("generator.dat");
    }
}

/// <summary>A variational autoencoder: the usual sampling, and both parts of the loss.</summary>
internal sealed class VaeNet : Module<Tensor, (Tensor Output, Tensor Mean, Tensor LogVariance)>
{
    private readonly Linear fc1;
    private readonly Linear fcMean;
    private readonly Linear fcLogVariance;
    private readonly Linear fc3;
    private readonly Linear fc4;

    public VaeNet()
        : base("vae")
    {
        fc1 = Linear(784, 400);
        fcMean = Linear(400, 20);
        fcLogVariance = Linear(400, 20);
        fc3 = Linear(20, 400);
        fc4 = Linear(400, 784);
        RegisterComponents();
    }

    private (Tensor Mean, Tensor LogVariance) Encode(Tensor x)
    {
        var h = functional.relu(fc1.forward(x));
        return (fcMean.forward(h), fcLogVariance.forward(h));
    }

    private Tensor Sample(Tensor mean, Tensor logVariance)
    {
        if (!training)
        {
            return mean;
        }

        var std = torch.exp(0.5 * logVariance);
        return mean + torch.randn_like(std) * std;
    }

    public Tensor Decode(Tensor z) => torch.sigmoid(fc4.forward(functional.relu(fc3.forward(z))));

    public override (Tensor Output, Tensor Mean, Tensor LogVariance) forward(Tensor x)
    {
        var (mean, logVariance) = Encode(x.view(-1, 784));
        return (Decode(Sample(mean, logVariance)), mean, logVariance);
    }
}

internal static class Variational
{
    private static Tensor Loss(Tensor output, Tensor x, Tensor mean, Tensor logVariance)
    {
        var reconstruction = functional.binary_cross_entropy(output, x.view(-1, 784), reduction: Reduction.Sum);
        var divergence = -0.5 * torch.sum(1 + logVariance - mean.pow(2) - logVariance.exp());
        return reconstruction + divergence;
    }

    public static float Epoch(VaeNet model, optim.Optimizer optimizer, IEnumerable<Tensor> batches, Device device)
    {
        model.train();
        float total = 0;
        int count = 0;
        foreach (var raw in batches)
        {
            using (NewDisposeScope())
            {
                var x = raw.to(device);
                optimizer.zero_grad();
                var (output, mean, logVariance) = model.forward(x);
                var loss = Loss(output, x, mean, logVariance);
                loss.backward();
                total += loss.item<float>();
                optimizer.step();
                count++;
            }
        }

        return total / count;
    }
}
