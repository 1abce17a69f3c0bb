using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace ModelGen.EndToEnd.Tests.Models;

[Model]
[Train(Loss.MSE, Optimizer.SGD, LearningRate = 0.05, Momentum = 0.9)]
public sealed partial class Mlp
{
    [Linear(16)] private partial Tensor Hidden1(Tensor x);

    [Linear(16, Bias = false, Name = "second")] private partial Tensor Hidden2(Tensor x);

    [Linear(3)] private partial Tensor Out(Tensor x);

    public Tensor Forward([Shape("N", 6)] Tensor x)
    {
        for (int i = 0; i < 2; i++)
        {
            x = x * (i + 1.5) - 0.25f;
        }

        var h = gelu(Hidden1(x));
        return Out(h + Activate(Hidden2(h)));
    }

    private static Tensor Activate(Tensor x) => x.sigmoid() * mish(x) + softplus(x) / 2 - hardsigmoid(x);
}

[Model]
[Train(Loss.L1, Optimizer.AdamW)]
public sealed partial class ElementwiseNet
{
    [Linear(8)] private partial Tensor Project(Tensor x);

    [Parameter(8, Init = ParameterInit.Ones)] private partial Tensor Gain { get; }

    [Parameter(1, 8, Init = ParameterInit.Normal)] private partial Tensor Shift();

    public Tensor Forward([Shape("N", 5)] Tensor x)
    {
        var y = Project(x);
        y = y * Gain + Shift();
        var (a, b) = (exp(y * 0.1), sin(y) + cos(y));
        var scale = sqrt(square(y).mean([1], keepdim: true) + 1e-3);
        y = maximum(a, b) / scale - minimum(y, b).abs() + pow(a, 2) * rsqrt(square(b) + 1);
#pragma warning disable MG5014 // the operators are what is tested, on small numbers
        y = where(y > 0.2, y, log1p(exp(y)));
#pragma warning restore MG5014
        return cat(y.chunk(2, 1)[0], y.clamp(-1, 1).narrow(1, 2, 3));
    }

    private static Tensor cat(Tensor left, Tensor right) => TorchSharp.torch.cat([left, right], 1).tanh();
}

[Model]
[Train(Loss.SmoothL1, Optimizer.Adam, SmoothL1Beta = 0.5)]
public sealed partial class ReductionNet
{
    [Linear(6)] private partial Tensor Project(Tensor x);

    [LayerNorm] private partial Tensor Norm(Tensor x);

    [LayerNorm(Dimensions = 2, Epsilon = 1e-4)] private partial Tensor Norm2(Tensor x);

    public Tensor Forward([Shape("N", 4, 5)] Tensor x)
    {
        var y = Norm2(Norm(Project(x)));
        var weights = softmax(y, -1);
        var summary = (weights * log_softmax(y, 2)).sum(2) + y.amax([2]) - y.var([2], unbiased: false);
        return stack([summary, y.transpose(1, 2).mean([1])], 1).permute(0, 2, 1).reshape(-1, 8);
    }
}

/// <summary>Linear layers over many rows, whose weights inference keeps packed; the last one reads rows that do not lie one after the other.</summary>
[Model]
[Train(Loss.MSE, Optimizer.Adam)]
public sealed partial class ManyRows
{
    [Linear(37)] private partial Tensor Expand(Tensor x);

    [Linear(19, Bias = false)] private partial Tensor Contract(Tensor x);

    [Linear(5)] private partial Tensor Mix(Tensor x);

    public Tensor Forward([Shape("N", 20, 19)] Tensor x)
    {
        var y = x + Contract(gelu(Expand(x)));
        return Mix(y.transpose(1, 2)).mean([1]);
    }
}

[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW)]
public sealed partial class TextNet
{
    [Embedding(20, 8)] private partial Tensor Tokens(Tensor x);

    [Parameter(1, 6, 8, Init = ParameterInit.Normal)] private partial Tensor Positions { get; }

    [MultiheadAttention(2)] private partial Tensor Attend(Tensor x);

    [LayerNorm] private partial Tensor Norm1(Tensor x);

    [Linear(16)] private partial Tensor Expand(Tensor x);

    [Linear(8)] private partial Tensor Contract(Tensor x);

    [LayerNorm] private partial Tensor Norm2(Tensor x);

    [Linear(4)] private partial Tensor Classify(Tensor x);

    public Tensor Forward([Shape("N", 6, Type = ElementType.Int64)] Tensor tokens)
    {
        var x = Tokens(tokens) + Positions;
        x = Norm1(x + Attend(x));
        x = Norm2(x + Contract(gelu(Expand(x))));
        return Classify(x.mean([1]));
    }
}

[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW)]
public sealed partial class CausalNet
{
    [Embedding(12, 8)] private partial Tensor Tokens(Tensor x);

    [MultiheadAttention(4, Causal = true, Bias = false)] private partial Tensor Attend(Tensor x);

    [Linear(12)] private partial Tensor Head(Tensor x);

    public Tensor Forward([Shape("N", 5, Type = ElementType.Int64)] Tensor tokens)
    {
        var x = Tokens(tokens);
        x = x + Attend(x);
        return Head(x).transpose(1, 2);
    }
}

[Model]
[Train(Loss.MSE, Optimizer.Adam)]
public sealed partial class TwoInputs
{
    [Linear(8)] private partial Tensor Query(Tensor x);

    [Linear(8)] private partial Tensor Key(Tensor x);

    [MultiheadAttention(2)] private partial Tensor Cross(Tensor query, Tensor key, Tensor value);

    [Linear(2)] private partial Tensor Out(Tensor x);

    public (Tensor, Tensor) Forward([Shape("N", 3, 4)] Tensor left, [Shape("N", 5, 6)] Tensor right)
    {
        var (q, k) = (Query(left), Key(right));
        var mixed = Cross(q, k, relu(k));
        var dot = scaled_dot_product_attention(q, k, k);
        return (Out(mixed + dot), matmul(q, k.transpose(-1, -2)));
    }
}

[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.1)]
public sealed partial class DropoutNet
{
    [Linear(32)] private partial Tensor Hidden(Tensor x);

    [Dropout(0.4)] private partial Tensor Drop(Tensor x);

    [Linear(3)] private partial Tensor Out(Tensor x);

    public Tensor Forward([Shape("N", 10)] Tensor x) => Out(dropout(Drop(relu(Hidden(x))), 0.2, training));
}

#pragma warning disable MG0010 // the test is about what happens then
[Model]
public sealed partial class NotExportable
{
    public Tensor Forward([Shape("N", 1, 7, 7)] Tensor x) => adaptive_max_pool2d(x, [2, 2]);
}
#pragma warning restore MG0010

/// <summary>Booleans as a buffer and as an input.</summary>
[Model]
[Train(Loss.MSE, Optimizer.SGD)]
public sealed partial class TorchFlags : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly TorchSharp.Modules.Linear head = nn.Linear(6, 2);
    private readonly Tensor open = tensor(new[] { true, false, true, true, false, true });

    public TorchFlags()
        : base(nameof(TorchFlags))
    {
        register_buffer("open", open);
        RegisterComponents();
    }

    public override Tensor forward([Shape("N", 6)] Tensor x, [Shape("N", 6, Type = ElementType.Bool)] Tensor keep) => head.forward(x.masked_fill(open, -1.5).masked_fill(keep, 0.25));
}
