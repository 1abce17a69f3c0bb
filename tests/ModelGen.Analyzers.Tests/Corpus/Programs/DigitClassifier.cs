using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace ModelGen.Analyzers.Tests.Corpus.Programs;

/// <summary>A convolutional classifier with the mistakes that such programs have. A comment at the end of a line names the rule that finds it.</summary>
internal sealed class DigitNet : Module<Tensor, Tensor>
{
    private readonly Module<Tensor, Tensor> conv1 = Conv2d(1, 32, 3);
    private readonly Module<Tensor, Tensor> conv2 = Conv2d(32, 64, 3);
    private readonly Module<Tensor, Tensor> pool = MaxPool2d(2);
    private readonly Module<Tensor, Tensor> unused = Dropout(0.25); // MG4012
    private readonly Module<Tensor, Tensor> fc1 = Linear(9216, 128);

    public Linear head { get; } = Linear(128, 10); // MG4008

    public DigitNet(string name, Device? device = null)
        : base(name)
    {
        RegisterComponents();
        if (device is not null)
        {
            this.to(device);
        }
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        Tensor x = relu(conv1.forward(input));
        x = pool.forward(relu(conv2.forward(x)));
        x = x.flatten(1);
        x = dropout(relu(fc1.forward(x)), 0.5); // MG4011
        return log_softmax(head.forward(x), 1).MoveToOuterDisposeScope();
    }
}

internal static class DigitClassifier
{
    public static void Run(IReadOnlyList<(Tensor Images, Tensor Labels)> train, IReadOnlyList<(Tensor Images, Tensor Labels)> test, int epochs)
    {
        Device device = cuda.is_available() ? CUDA : CPU;
        using var model = new DigitNet("digits", device);
        var optimizer = optim.AdamW(model.parameters(), 1e-3); // MG3017
        var scheduler = optim.lr_scheduler.StepLR(optimizer, 1, 0.7);
        var loss = NLLLoss();

        for (int epoch = 1; epoch <= epochs; epoch++)
        {
            scheduler.step(); // MG3007
            foreach ((Tensor images, Tensor labels) in train)
            {
                using DisposeScope scope = NewDisposeScope();
                optimizer.zero_grad();
                Tensor output = loss.forward(model.forward(images.to(device)), labels.to(device));
                output.backward();
                optimizer.step();
                nn.utils.clip_grad_norm_(model.parameters(), 1.0); // MG3006
            }

            model.eval(); // MG3009
            Console.WriteLine($"epoch {epoch}: {Accuracy(model, test, device):P1}");
        }

        model.save("digits.dat");
    }

    private static double Accuracy(DigitNet model, IReadOnlyList<(Tensor Images, Tensor Labels)> test, Device device)
    {
        using IDisposable noGrad = no_grad();
        long correct = 0;
        long total = 0;
        foreach ((Tensor images, Tensor labels) in test)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor hits = model.forward(images.to(device)).argmax(1).eq(labels.to(device));
            correct += hits.sum().ToInt64();
            total += labels.size(0);
        }

        double accuracy = correct / total; // MG5020
        return accuracy;
    }
}
