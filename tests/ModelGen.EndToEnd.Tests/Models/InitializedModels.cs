using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace ModelGen.EndToEnd.Tests.Models;

/// <summary>Attributes on the class, on a block's layer and on layers.</summary>
[Model]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
[Initialize(Initialization.KaimingNormal)]
[Initialize(Initialization.Constant, "*.bias", Value = 0.25)]
public sealed partial class InitializedNet
{
    private readonly InitializedBlock block = new();

    [Conv2d(4, 3)] private partial Tensor Conv(Tensor x);

    [BatchNorm2d] private partial Tensor Norm(Tensor x);

    [Linear(5)]
    [Initialize(Initialization.XavierUniform, Gain = 2)]
    private partial Tensor Hidden(Tensor x);

    [Linear(3)]
    [Initialize(Initialization.Orthogonal)]
    [Initialize(Initialization.Zeros, "bias")]
    private partial Tensor Head(Tensor x);

    [Parameter(5)]
    [Initialize(Initialization.Normal, Mean = 1, Deviation = 0.02)]
    private partial Tensor Shift { get; }

    public Tensor Forward([Shape("N", 1, 6, 6)] Tensor x) => Head(block.Forward(relu(Hidden(flatten(relu(Norm(Conv(x))), 1))) + Shift));
}

[Model]
public sealed partial class InitializedBlock
{
    [Linear(6)]
    [Initialize(Initialization.TruncatedNormal, Deviation = 0.5, Low = -0.75, High = 0.75)]
    private partial Tensor Mix(Tensor x);

    public Tensor Forward(Tensor x) => tanh(Mix(x));
}

/// <summary>Attributes on the fields of a TorchSharp module.</summary>
[Model]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.01)]
[Initialize(Initialization.XavierNormal, "*.weight")]
[Initialize(Initialization.Ones, "*.bias")]
public sealed partial class InitializedModule : Module<Tensor, Tensor>
{
    [Initialize(Initialization.KaimingUniform, Mode = init.FanInOut.FanOut, Activation = init.NonlinearityType.Tanh)]
    private readonly Linear first = Linear(6, 8);

    [Initialize(Initialization.Sparse, Zeros = 0.5)]
    private readonly Linear second = Linear(8, 8);

    private readonly Linear third = Linear(8, 4);

    [Initialize(Initialization.Uniform, Low = -0.5, High = 0.5)]
    private readonly Parameter scale = Parameter(zeros(4));

    public InitializedModule()
        : base(nameof(InitializedModule))
    {
        RegisterComponents();
        this.Initialize();
    }

    public override Tensor forward([Shape("N", 6)] Tensor x) => third.forward(tanh(second.forward(tanh(first.forward(x))))) * scale;
}
