namespace ModelGen.Samples.Zoo;

/// <summary>MobileNetV3 (Howard et al., arXiv:1905.02244): squeeze and excitation, hard activations.</summary>
public abstract class MobileNetV3 : Module<Tensor, Tensor>
{
    private readonly Sequential features;
    private readonly Sequential classifier;

    protected MobileNetV3(IReadOnlyList<Row> rows, int last, int classes = 1000, double dropout = 0.2)
        : base(nameof(MobileNetV3))
    {
        features = Sequential(("0", ConvBn(3, rows[0].Inputs, 3, 2, activation: Activation.Hardswish)));
        foreach (Row row in rows)
        {
            features.append(new Block(row));
        }

        int width = 6 * rows[^1].Outputs;
        features.append(ConvBn(rows[^1].Outputs, width, 1, activation: Activation.Hardswish));
        classifier = Sequential(Linear(width, last), Hardswish(), Dropout(dropout), Linear(last, classes));
        RegisterComponents();
    }

    protected enum Activation
    {
        None,
        Relu,
        Hardswish,
    }

    public override Tensor forward([Shape("N", 3, 64, 64)] Tensor x)
    {
        x = features.forward(x);
        x = functional.adaptive_avg_pool2d(x, 1).squeeze(-1).squeeze(-1);
        return classifier.forward(x);
    }

    private static Sequential ConvBn(int inputs, int outputs, int kernel, int stride = 1, int groups = 1, Activation activation = Activation.None)
    {
        Sequential layers = Sequential(
            ("0", Conv2d(inputs, outputs, kernel, stride, (kernel - 1) / 2, groups: groups, bias: false)),
            ("1", BatchNorm2d(outputs, eps: 0.001, momentum: 0.01)));
        Module<Tensor, Tensor>? last = activation switch
        {
            Activation.Relu => ReLU(),
            Activation.Hardswish => Hardswish(),
            _ => null,
        };
        if (last is not null)
        {
            layers.append("2", last);
        }

        return layers;
    }

    protected sealed record Row(int Inputs, int Kernel, int Expanded, int Outputs, bool Squeeze, Activation Activation, int Stride);

    private sealed class Block : Module<Tensor, Tensor>
    {
        private readonly Sequential block = Sequential();
        private readonly bool residual;

        public Block(Row row)
            : base(nameof(Block))
        {
            residual = row is { Stride: 1 } && row.Inputs == row.Outputs;
            if (row.Expanded != row.Inputs)
            {
                block.append(ConvBn(row.Inputs, row.Expanded, 1, activation: row.Activation));
            }

            block.append(ConvBn(row.Expanded, row.Expanded, row.Kernel, row.Stride, row.Expanded, row.Activation));
            if (row.Squeeze)
            {
                block.append(new SqueezeExcitation(row.Expanded, MakeDivisible(row.Expanded / 4)));
            }

            block.append(ConvBn(row.Expanded, row.Outputs, 1));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            Tensor result = block.forward(input);
            if (residual)
            {
                result += input;
            }

            return result;
        }

        private static int MakeDivisible(int value)
        {
            int rounded = Math.Max(8, (value + 4) / 8 * 8);
            return rounded < 0.9 * value ? rounded + 8 : rounded;
        }
    }

    private sealed class SqueezeExcitation : Module<Tensor, Tensor>
    {
        private readonly Conv2d fc1, fc2;

        public SqueezeExcitation(int channels, int squeezed)
            : base(nameof(SqueezeExcitation))
        {
            (fc1, fc2) = (Conv2d(channels, squeezed, 1), Conv2d(squeezed, channels, 1));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            using var scope = NewDisposeScope();
            Tensor scale = functional.adaptive_avg_pool2d(x, 1);
            scale = functional.relu(fc1.forward(scale));
            scale = functional.hardsigmoid(fc2.forward(scale));
            return (scale * x).MoveToOuterDisposeScope();
        }
    }
}

[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class MobileNetV3Large() : MobileNetV3(
    [
        new(16, 3, 16, 16, false, Activation.Relu, 1),
        new(16, 3, 64, 24, false, Activation.Relu, 2),
        new(24, 3, 72, 24, false, Activation.Relu, 1),
        new(24, 5, 72, 40, true, Activation.Relu, 2),
        new(40, 5, 120, 40, true, Activation.Relu, 1),
        new(40, 5, 120, 40, true, Activation.Relu, 1),
        new(40, 3, 240, 80, false, Activation.Hardswish, 2),
        new(80, 3, 200, 80, false, Activation.Hardswish, 1),
        new(80, 3, 184, 80, false, Activation.Hardswish, 1),
        new(80, 3, 184, 80, false, Activation.Hardswish, 1),
        new(80, 3, 480, 112, true, Activation.Hardswish, 1),
        new(112, 3, 672, 112, true, Activation.Hardswish, 1),
        new(112, 5, 672, 160, true, Activation.Hardswish, 2),
        new(160, 5, 960, 160, true, Activation.Hardswish, 1),
        new(160, 5, 960, 160, true, Activation.Hardswish, 1),
    ],
    1280);

[Model]
[Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.01)]
public sealed partial class MobileNetV3Small() : MobileNetV3(
    [
        new(16, 3, 16, 16, true, Activation.Relu, 2),
        new(16, 3, 72, 24, false, Activation.Relu, 2),
        new(24, 3, 88, 24, false, Activation.Relu, 1),
        new(24, 5, 96, 40, true, Activation.Hardswish, 2),
        new(40, 5, 240, 40, true, Activation.Hardswish, 1),
        new(40, 5, 240, 40, true, Activation.Hardswish, 1),
        new(40, 5, 120, 48, true, Activation.Hardswish, 1),
        new(48, 5, 144, 48, true, Activation.Hardswish, 1),
        new(48, 5, 288, 96, true, Activation.Hardswish, 2),
        new(96, 5, 576, 96, true, Activation.Hardswish, 1),
        new(96, 5, 576, 96, true, Activation.Hardswish, 1),
    ],
    1024);
