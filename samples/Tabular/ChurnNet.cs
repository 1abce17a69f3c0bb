using ModelGen;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Tabular;

/// <summary>A perceptron over standardised numbers and embedded categories.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 4e-3, WeightDecay = 0.01, Schedule = Schedule.OneCycle, BatchSize = 128, Epochs = 12)]
[ExportOnnx(Batch = 1)]
public sealed partial class ChurnNet : Module<Tensor, Tensor, Tensor>
{
    private const int Numbers = 5, Categories = 3, Width = 4;

    // One more than there are, for a missing one.
    private readonly Embedding plan = Embedding(4, Width), region = Embedding(5, Width), payment = Embedding(4, Width);
    private readonly Linear hidden1 = Linear(Numbers + (Categories * Width), 64), hidden2 = Linear(64, 32), decide = Linear(32, 2);
    private readonly Dropout drop = Dropout(0.1);

    public ChurnNet()
        : base(nameof(ChurnNet)) => RegisterComponents();

    /// <summary>Scores of staying and leaving.</summary>
    public override Tensor forward([Shape("N", Numbers)] Tensor numbers, [Shape("N", Categories, Type = ElementType.Int64)] Tensor categories)
    {
        Tensor x = cat([numbers, plan.forward(categories[.., 0]), region.forward(categories[.., 1]), payment.forward(categories[.., 2])], 1);
        x = drop.forward(functional.relu(hidden1.forward(x)));
        return decide.forward(functional.relu(hidden2.forward(x)));
    }
}
