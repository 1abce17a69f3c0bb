using ModelGen;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Flowers;

/// <summary>A small residual network (He et al., arXiv:1512.03385) for pictures of 96 x 96: six blocks of 24 to 96 channels.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 3e-3, WeightDecay = 0.02, Schedule = Schedule.OneCycle, BatchSize = 32, Epochs = 20)]
[ExportOnnx(Batch = 1)]
public sealed partial class FlowerNet : Module<Tensor, Tensor>
{
    public const int Size = 96, Classes = 5;

    private readonly Conv2d stem = Conv2d(3, 24, 3, stride: 2, padding: 1, bias: false);
    private readonly BatchNorm2d norm = BatchNorm2d(24);
    private readonly Sequential stage1 = Sequential(new Block(24, 24, 1), new Block(24, 24, 1));
    private readonly Sequential stage2 = Sequential(new Block(24, 48, 2), new Block(48, 48, 1));
    private readonly Sequential stage3 = Sequential(new Block(48, 96, 2), new Block(96, 96, 1));
    private readonly Linear classify = Linear(96, Classes);

    public FlowerNet()
        : base(nameof(FlowerNet)) => RegisterComponents();

    public override Tensor forward([Shape("N", 3, Size, Size)] Tensor image)
    {
        Tensor x = functional.max_pool2d(functional.relu(norm.forward(stem.forward(image))), 2);
        x = stage3.forward(stage2.forward(stage1.forward(x)));
        return classify.forward(functional.adaptive_avg_pool2d(x, 1).flatten(1));
    }

    private sealed class Block : Module<Tensor, Tensor>
    {
        private readonly Conv2d conv1, conv2;
        private readonly BatchNorm2d norm1, norm2;
        private readonly Sequential? shortcut;

        public Block(long inputs, long width, long stride)
            : base(nameof(Block))
        {
            conv1 = Conv2d(inputs, width, 3, stride, 1, bias: false);
            norm1 = BatchNorm2d(width);
            conv2 = Conv2d(width, width, 3, padding: 1, bias: false);
            norm2 = BatchNorm2d(width);
            shortcut = inputs != width ? Sequential(Conv2d(inputs, width, 1, stride, bias: false), BatchNorm2d(width)) : null;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            Tensor y = functional.relu(norm1.forward(conv1.forward(x)));
            y = norm2.forward(conv2.forward(y));
            return functional.relu(y + (shortcut?.forward(x) ?? x));
        }
    }
}
