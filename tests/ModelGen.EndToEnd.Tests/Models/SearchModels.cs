using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ModelGen.EndToEnd.Tests.Models;

/// <summary>A regression whose attribute asks for a search.</summary>
[Model]
[Train(Loss.MSE, Optimizer.LBFGS, BatchSize = 16, Epochs = 4, MaxIterations = 6, HistorySize = 5, LineSearch = LineSearch.StrongWolfe)]
public sealed partial class SearchNet
{
    [Linear(8)] private partial Tensor Hidden(Tensor x);

    [Linear(1)] private partial Tensor Out(Tensor x);

    public Tensor Forward([Shape("N", 3)] Tensor x) => Out(tanh(Hidden(x)));
}

/// <summary>The same with running statistics.</summary>
[Model]
[Train(Loss.MSE, Optimizer.LBFGS, BatchSize = 16, HistorySize = 4)]
public sealed partial class NormalizedSearchNet
{
    [Linear(8)] private partial Tensor Hidden(Tensor x);

    [BatchNorm1d] private partial Tensor Norm(Tensor x);

    [Linear(1)] private partial Tensor Out(Tensor x);

    public Tensor Forward([Shape("N", 3)] Tensor x) => Out(tanh(Norm(Hidden(x))));
}

/// <summary>Least squares.</summary>
[Model]
[Train(Loss.MSE, Optimizer.LBFGS)]
public sealed partial class LeastSquares
{
    [Linear(1, Bias = false)] private partial Tensor Weights(Tensor x);

    public Tensor Forward([Shape("N", 12)] Tensor x) => Weights(x);
}
