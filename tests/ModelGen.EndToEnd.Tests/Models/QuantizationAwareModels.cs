using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;

namespace ModelGen.EndToEnd.Tests.Models;

[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.05, BatchSize = 32, Epochs = 2, QuantizationAware = QuantizationAware.StraightThrough)]
[Quantize(QuantizationMode.Static)]
public sealed partial class RoundedMlp
{
    [Linear(24)] private partial Tensor First(Tensor x);

    [Linear(16)] private partial Tensor Second(Tensor x);

    [Linear(5)] private partial Tensor Classify(Tensor x);

    public Linear FirstLayer => __layers.First!;

    public Linear SecondLayer => __layers.Second!;

    public Linear ClassifyLayer => __layers.Classify!;

    public Tensor Forward([Shape("N", 12)] Tensor x) => Classify(relu(Second(relu(First(x)))));
}

/// <summary>Folded batch normalisation, a depthwise convolution, ReLU6, a sum, a concatenation, pools, dropout.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 1e-3, BatchSize = 16, QuantizationAware = QuantizationAware.StraightThrough)]
[Quantize(QuantizationMode.Static)]
[ExportOnnx(Batch = 16)]
public sealed partial class RoundedCnn
{
    [Conv2d(16, 3, Padding = 1, Bias = false)] private partial Tensor Stem(Tensor x);

    [BatchNorm2d] private partial Tensor StemNorm(Tensor x);

    [Conv2d(16, 3, Padding = 1, Groups = 16, Bias = false)] private partial Tensor Depthwise(Tensor x);

    [BatchNorm2d] private partial Tensor DepthwiseNorm(Tensor x);

    [Conv2d(16, 1)] private partial Tensor Pointwise(Tensor x);

    [BatchNorm2d] private partial Tensor PointwiseNorm(Tensor x);

    [Conv2d(8, 1)] private partial Tensor Branch(Tensor x);

    [Conv2d(24, 3)] private partial Tensor Last(Tensor x);

    [Dropout(0.2)] private partial Tensor Drop(Tensor x);

    [Linear(20)] private partial Tensor Hidden(Tensor x);

    [Linear(4)] private partial Tensor Classify(Tensor x);

    public Tensor Forward([Shape("N", 2, 12, 12)] Tensor image)
    {
        Tensor x = relu(StemNorm(Stem(image)));
        x = x + PointwiseNorm(Pointwise(relu6(DepthwiseNorm(Depthwise(x)))));
        x = max_pool2d(x, 2);
        x = cat([leaky_relu(Branch(x), 0.1), x], 1);
        x = relu(Last(Drop(x))).mean([2L, 3L]);
        return Classify(Drop(relu(Hidden(Drop(x)))));
    }
}

/// <summary>SiLU, squeeze and excitation, an average pool, batch normalisation that cannot be folded.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, BatchSize = 16, QuantizationAware = QuantizationAware.StraightThrough)]
[Quantize(QuantizationMode.Static, Calibration = Calibration.Mse)]
[ExportOnnx(Batch = 16)]
public partial class RoundedSqueeze : Module<Tensor, Tensor>
{
    private readonly Module<Tensor, Tensor> stem = Sequential(Conv2d(3, 12, 3, stride: 2, padding: 1, bias: false), BatchNorm2d(12), SiLU());
    private readonly Module<Tensor, Tensor> squeeze = Sequential(AdaptiveAvgPool2d(1), Conv2d(12, 4, 1), SiLU(), Conv2d(4, 12, 1), Sigmoid());
    private readonly Module<Tensor, Tensor> project = Conv2d(12, 10, 1);
    private readonly Module<Tensor, Tensor> norm = BatchNorm2d(10);
    private readonly Module<Tensor, Tensor> pool = AvgPool2d(2);
    private readonly Module<Tensor, Tensor> head = Sequential(Flatten(), Dropout(0.3), Linear(160, 6));

    public RoundedSqueeze()
        : base(nameof(RoundedSqueeze)) => RegisterComponents();

    public override Tensor forward([Shape("N", 3, 16, 16)] Tensor image)
    {
        Tensor x = stem.call(image);
        x = project.call(x * squeeze.call(x));
        return head.call(pool.call(norm.call(hardswish(x))));
    }
}

/// <summary>An embedding, matrix products over three dimensions, attention and layer normalisation in float, a bias that is added by hand.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, BatchSize = 8, QuantizationAware = QuantizationAware.StraightThrough)]
[Quantize(QuantizationMode.Static)]
[ExportOnnx(Batch = 8)]
public partial class RoundedText : Module<Tensor, Tensor>
{
    private readonly Embedding table = Embedding(30, 16);
    private readonly LayerNorm before = LayerNorm(16);
    private readonly Linear query = Linear(16, 16);
    private readonly Linear key = Linear(16, 16, hasBias: false);
    private readonly Linear value = Linear(16, 16);
    private readonly Linear mix = Linear(16, 16);
    private readonly LayerNorm after = LayerNorm(16);
    private readonly Linear wide = Linear(16, 32);
    private readonly Parameter narrow = Parameter(randn(32, 16) * 0.2);
    private readonly Parameter narrowBias = Parameter(randn(16) * 0.1);
    private readonly Linear head = Linear(16, 30);

    public RoundedText()
        : base(nameof(RoundedText)) => RegisterComponents();

    public override Tensor forward([Shape("N", 10, Type = ElementType.Int64)] Tensor tokens)
    {
        Tensor x = table.call(tokens);
        Tensor y = before.call(x);
        Tensor scores = matmul(query.call(y), key.call(y).transpose(1, 2)) / 4;
        x = x + mix.call(matmul(softmax(scores, -1), value.call(y)));
        x = x + matmul(relu(wide.call(after.call(x))), narrow) + narrowBias;
        return head.call(x).transpose(1, 2);
    }
}

/// <summary>The perceptron with learned scales.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.05, BatchSize = 32, QuantizationAware = QuantizationAware.LearnedStepSize)]
[Quantize(QuantizationMode.Static)]
public sealed partial class LearnedMlp
{
    [Linear(24)] private partial Tensor First(Tensor x);

    [Linear(16)] private partial Tensor Second(Tensor x);

    [Linear(5)] private partial Tensor Classify(Tensor x);

    public Linear[] Linears => [__layers.First!, __layers.Second!, __layers.Classify!];

    public Tensor Forward([Shape("N", 12)] Tensor x) => Classify(relu(Second(relu(First(x)))));
}

/// <summary>Learned scales that are shared (a pool, the parts of a concatenation) and bounded (ReLU6).</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 3e-3, BatchSize = 16, QuantizationAware = QuantizationAware.LearnedStepSize)]
[Quantize(QuantizationMode.Static)]
[ExportOnnx(Batch = 16)]
public sealed partial class LearnedCnn
{
    [Conv2d(16, 3, Padding = 1, Bias = false)] private partial Tensor Stem(Tensor x);

    [BatchNorm2d] private partial Tensor StemNorm(Tensor x);

    [Conv2d(16, 3, Padding = 1, Groups = 16, Bias = false)] private partial Tensor Depthwise(Tensor x);

    [BatchNorm2d] private partial Tensor DepthwiseNorm(Tensor x);

    [Conv2d(8, 1)] private partial Tensor Left(Tensor x);

    [Conv2d(8, 1)] private partial Tensor Right(Tensor x);

    [Conv2d(24, 3)] private partial Tensor Last(Tensor x);

    [Dropout(0.1)] private partial Tensor Drop(Tensor x);

    [Linear(4)] private partial Tensor Classify(Tensor x);

    public Tensor Forward([Shape("N", 2, 12, 12)] Tensor image)
    {
        Tensor x = relu6(StemNorm(Stem(image)));
        x = x + relu6(DepthwiseNorm(Depthwise(x)));
        x = max_pool2d(x, 2);
        x = cat([Left(x), Right(x)], 1);
        return Classify(Drop(relu(Last(x)).mean([2L, 3L])));
    }
}

/// <summary>One table that is looked up twice, and products over three dimensions.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, BatchSize = 8, QuantizationAware = QuantizationAware.LearnedStepSize)]
[Quantize(QuantizationMode.Static)]
[ExportOnnx(Batch = 8)]
public partial class LearnedText : Module<Tensor, Tensor>
{
    private readonly Embedding table = Embedding(30, 16);
    private readonly LayerNorm norm = LayerNorm(16);
    private readonly Linear wide = Linear(16, 32);
    private readonly Linear head = Linear(32, 30);

    public LearnedText()
        : base(nameof(LearnedText)) => RegisterComponents();

    public override Tensor forward([Shape("N", 10, Type = ElementType.Int64)] Tensor tokens)
    {
        Tensor x = norm.call(table.call(tokens) + table.call(tokens.flip(1)));
        return head.call(relu(wide.call(x))).transpose(1, 2);
    }
}
