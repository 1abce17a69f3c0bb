using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ModelGen.EndToEnd.Tests.Models;

/// <summary>Convolutions with batch normalisation, dropout and residual sums, deep enough that most memory is what backward reads.</summary>
public class DeepCnn : Module<Tensor, Tensor>
{
    private readonly ModuleList<Conv2d> convs = [];
    private readonly ModuleList<BatchNorm2d> norms = [];
    private readonly Dropout drop = Dropout(0.2);
    private readonly Linear head = Linear(8, 3);

    public DeepCnn()
        : base(nameof(DeepCnn))
    {
        for (int i = 0; i < 8; i++)
        {
            convs.Add(Conv2d(i == 0 ? 2 : 8, 8, 3, padding: 1, bias: false));
            norms.Add(BatchNorm2d(8));
        }

        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 2, 16, 16)] Tensor input)
    {
        Tensor x = functional.relu(norms[0].forward(convs[0].forward(input)));
        for (int i = 1; i < convs.Count; i++)
        {
            x = x + drop.forward(functional.silu(norms[i].forward(convs[i].forward(x))));
        }

        return head.forward(x.mean([2L, 3L]));
    }
}

/// <summary>Keeps everything.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, BatchSize = 16)]
public partial class KeptCnn : DeepCnn;

/// <summary>Keeps as little as possible.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, BatchSize = 16, Recompute = Recompute.Full)]
public partial class RecomputedCnn : DeepCnn;

/// <summary>Keeps what fits.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, BatchSize = 16, Recompute = Recompute.ToBudget)]
[MemoryBudget("3.2 MiB")]
public partial class BudgetCnn : DeepCnn;

/// <summary>Products with operands rounded to bfloat16.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, BatchSize = 16, Precision = Precision.BFloat16)]
public partial class MixedCnn : DeepCnn;

/// <summary>Both.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, BatchSize = 16, Precision = Precision.BFloat16, Recompute = Recompute.Full)]
public partial class MixedRecomputedCnn : DeepCnn;

/// <summary>Attention with dropout.</summary>
public class DeepText : Module<Tensor, Tensor>
{
    private readonly Embedding tokens = Embedding(20, 16);
    private readonly ModuleList<Linear> projections = [];
    private readonly ModuleList<LayerNorm> norms = [];
    private readonly Linear head = Linear(16, 20);

    public DeepText()
        : base(nameof(DeepText))
    {
        for (int i = 0; i < 6; i++)
        {
            norms.Add(LayerNorm(16));
            projections.Add(Linear(16, 48));
        }

        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 12, Type = ElementType.Int64)] Tensor input)
    {
        Tensor x = tokens.forward(input);
        for (int i = 0; i < norms.Count; i++)
        {
            Tensor[] parts = projections[i].forward(norms[i].forward(x)).chunk(3, -1);
            Tensor[] heads = [.. parts.Select(part => part.view(part.shape[0], 12, 2, 8).transpose(1, 2))];
            Tensor scores = functional.softmax(heads[0].matmul(heads[1].transpose(-2, -1)) / Math.Sqrt(8), -1);
            x = x + functional.dropout(scores, 0.1, training).matmul(heads[2]).transpose(1, 2).reshape(x.shape[0], 12, 16);
        }

        return head.forward(x).transpose(1, 2);
    }
}

/// <summary>Keeps everything.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, BatchSize = 8)]
public partial class KeptText : DeepText;

/// <summary>Keeps as little as possible.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, BatchSize = 8, Recompute = Recompute.Full)]
public partial class RecomputedText : DeepText;

/// <summary>Products with operands rounded to bfloat16.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, BatchSize = 8, Precision = Precision.BFloat16)]
public partial class MixedText : DeepText;

/// <summary>Two products whose rounding is easily followed by hand.</summary>
[Model]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.5, BatchSize = 12, Precision = Precision.BFloat16)]
public partial class MixedMlp : Module<Tensor, Tensor>
{
    public Linear First { get; } = Linear(40, 48);

    public Linear Second { get; } = Linear(48, 33);

    public MixedMlp()
        : base(nameof(MixedMlp))
    {
        register_module("first", First);
        register_module("second", Second);
    }

    public override Tensor forward([Shape("N", 40)] Tensor x) => Second.forward(functional.relu(First.forward(x)));
}
