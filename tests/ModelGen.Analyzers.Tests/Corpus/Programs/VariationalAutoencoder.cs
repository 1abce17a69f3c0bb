using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ModelGen.Analyzers.Tests.Corpus.Programs;

/// <summary>A variational autoencoder and an adversary, with the mistakes that such programs have.</summary>
internal class Encoder : Module<Tensor, (Tensor Mean, Tensor LogVariance)>
{
    protected readonly Sequential body;
    protected readonly Linear mean;
    protected readonly Linear logVariance;

    public Encoder(int latent)
        : base(nameof(Encoder))
    {
        body = Sequential(
            ("flatten", Flatten()),
            ("fc", Linear(784, 400)),
            ("act", LeakyReLU(0.2)),
            ("fc2", Linear(512, 400))); // MG4014
        mean = Linear(400, latent);
        logVariance = Linear(400, latent);
        RegisterComponents();
    }

    public override (Tensor Mean, Tensor LogVariance) forward(Tensor x)
    {
        Tensor hidden = body.forward(x);
        return (mean.forward(hidden), logVariance.forward(hidden));
    }
}

internal sealed class ConditionalEncoder : Encoder
{
    private readonly Embedding label;

    public ConditionalEncoder(int latent, int classes)
        : base(latent)
    {
        label = Embedding(classes, 784); // MG4006
        RegisterComponents();
    }

    public (Tensor Mean, Tensor LogVariance) Encode(Tensor x, Tensor y) => forward(x.flatten(1) + label.forward(y));
}

internal sealed class Adversary : Module<Tensor, Tensor>
{
    private readonly Linear fc1;
    private readonly Linear fc2;
    private readonly Tensor temperature;

    public Adversary()
        : base(nameof(Adversary))
    {
        fc1 = Linear(784, 128);
        fc2 = Linear(128, 1);
        temperature = torch.ones(1, requires_grad: true); // MG4004
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        Tensor score = fc2.forward(functional.relu(fc1.forward(x.flatten(1)))) * temperature;
        return 1 / (1 + torch.exp(-score)); // MG5014
    }
}

internal static class VariationalAutoencoder
{
    public static Tensor Sample(Tensor mean, Tensor logVariance)
    {
        Tensor deviation = (logVariance * 0.5).exp();
        return mean + torch.randn_like(deviation) * deviation;
    }

    public static Tensor Divergence(Tensor mean, Tensor logVariance) =>
        -0.5 * (1 + logVariance - mean.pow(2) - logVariance.exp()).sum();

    public static void TrainAdversary(Adversary adversary, Module<Tensor, Tensor> generator, IEnumerable<Tensor> data)
    {
        var forAdversary = optim.Adam(adversary.parameters(), 2e-4, 0.5);
        var forGenerator = optim.Adam(generator.parameters(), 2e-4, 0.5); // MG3011
        foreach (Tensor real in data)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor ones = torch.ones(real.size(0), 1);
            Tensor zeros = torch.zeros(real.size(0), 1);

            forAdversary.zero_grad();
            Tensor fake = generator.forward(torch.randn(real.size(0), 64));
            Tensor loss = functional.binary_cross_entropy(adversary.forward(real), ones) + functional.binary_cross_entropy(adversary.forward(fake.detach()), zeros);
            loss.backward();
            forAdversary.step();

            forGenerator.zero_grad();
            Tensor generated = functional.binary_cross_entropy(adversary.forward(fake), ones);
            generated.backward();
        }
    }

    public static double Distance(Tensor p, Tensor q) =>
        functional.kl_div(torch.log(torch.softmax(q, 1)), torch.softmax(p, 1), reduction: Reduction.Sum).ToDouble(); // MG5006 MG5008
}
