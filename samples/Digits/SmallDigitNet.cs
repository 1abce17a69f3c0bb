using ModelGen;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Digits;

/// <summary>Reads 8 x 8 digits (UCI optdigits): fewer channels than <see cref="DigitNet"/>, padded so that the border counts, and more epochs.</summary>
[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, LearningRate = 4e-3, Schedule = Schedule.OneCycle, BatchSize = 64, Epochs = 20)]
[ExportOnnx(Batch = 1)]
[Quantize(QuantizationMode.Static, Calibration = Calibration.MinMax)]
public sealed partial class SmallDigitNet
{
    [Conv2d(16, 3, Padding = 1)]  private partial Tensor Conv1(Tensor x);
    [Conv2d(32, 3, Padding = 1)]  private partial Tensor Conv2(Tensor x);
    [Dropout(0.25)]               private partial Tensor Drop(Tensor x);
    [Linear(64)]                  private partial Tensor Hidden(Tensor x);
    [Linear(10)]                  private partial Tensor Classify(Tensor x);

    public Tensor Forward([Shape("N", 1, 8, 8)] Tensor image)
    {
        var x = relu(Conv1(image));
        x = max_pool2d(relu(Conv2(x)), 2);
        x = relu(Hidden(flatten(Drop(x), 1)));
        return Classify(x);
    }
}
