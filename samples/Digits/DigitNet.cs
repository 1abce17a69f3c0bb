using ModelGen;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Digits;

/// <summary>Reads 28 x 28 digits (MNIST, Fashion-MNIST, and those this sample draws).</summary>
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
