namespace ModelGen.Generator.Tests;

/// <summary>Models that several tests use.</summary>
internal static class Sources
{
    public const string DigitNet = """
        namespace Samples;

        [Model]
        [Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 1e-3, Schedule = Schedule.OneCycle, BatchSize = 64, Epochs = 3)]
        [ExportOnnx(Batch = 1)]
        [Quantize(QuantizationMode.Static, Calibration = Calibration.MinMax)]
        public sealed partial class DigitNet
        {
            [Conv2d(32, 3)]  private partial Tensor Conv1(Tensor x);
            [Conv2d(64, 3)]  private partial Tensor Conv2(Tensor x);
            [Dropout(0.25)]  private partial Tensor Drop(Tensor x);
            [Linear(128)]    private partial Tensor Hidden(Tensor x);
            [Linear(10)]     private partial Tensor Classify(Tensor x);

            public Tensor Forward([Shape("N", 1, 28, 28)] Tensor image)
            {
                var x = relu(Conv1(image));
                x = max_pool2d(relu(Conv2(x)), 2);
                x = relu(Hidden(flatten(Drop(x), 1)));
                return Classify(x);
            }
        }
        """;

    public const string ResidualNet = """
        namespace Samples;

        [Model]
        [Train(Loss.CrossEntropy, Optimizer.SGD, LearningRate = 0.1, Momentum = 0.9, Nesterov = true)]
        public sealed partial class ResidualNet
        {
            private readonly Block stage1 = new(8);
            private readonly Block[] stages = [new(16, stride: 2)];

            [Conv2d(8, 3, Padding = 1)] private partial Tensor Stem(Tensor x);
            [Linear(10)] private partial Tensor Classify(Tensor x);

            public Tensor Forward([Shape("N", 3, 16, 16)] Tensor image)
            {
                var x = stage1.Forward(relu(Stem(image)));
                foreach (var stage in stages)
                {
                    x = stage.Forward(x);
                }

                return Classify(x.mean([2, 3]));
            }
        }

        [Model]
        public sealed partial class Block(int channels, int stride = 1)
        {
            [Conv2d(nameof(channels), 3, Stride = nameof(stride), Padding = 1, Bias = false)] private partial Tensor Conv(Tensor x);
            [BatchNorm2d] private partial Tensor Norm(Tensor x);
            [Conv2d(nameof(channels), 1, Stride = nameof(stride))] private partial Tensor Shortcut(Tensor x);

            public Tensor Forward(Tensor x)
            {
                var y = Norm(Conv(x));
                var skip = stride == 1 ? x : Shortcut(x);
                return relu(y + skip);
            }
        }
        """;

    public const string TextNet = """
        namespace Samples;

        [Model]
        [Train(Loss.CrossEntropy, Optimizer.AdamW)]
        public sealed partial class TextNet
        {
            [Embedding(100, 16)] private partial Tensor Tokens(Tensor x);
            [Parameter(1, 8, 16, Init = ParameterInit.Normal)] private partial Tensor Positions { get; }
            [MultiheadAttention(4, Causal = true, Dropout = 0.1)] private partial Tensor Attend(Tensor x);
            [LayerNorm] private partial Tensor Norm(Tensor x);
            [Linear(100)] private partial Tensor Head(Tensor x);

            public Tensor Forward([Shape("N", 8, Type = ElementType.Int64)] Tensor tokens)
            {
                var x = Tokens(tokens) + Positions;
                x = Norm(x + Attend(x));
                return Head(gelu(x)).transpose(1, 2);
            }
        }
        """;
}
