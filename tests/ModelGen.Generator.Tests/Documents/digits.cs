[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW, QuantizationAware = QuantizationAware.StraightThrough)]
[ExportOnnx(Batch = 1)]
[Quantize(QuantizationMode.Static)]
public sealed partial class DigitNet
{
    [Linear(10)] private partial Tensor Classify(Tensor x);

    public Tensor Forward([Shape("N", 28)] Tensor x) => Classify(x);
}

internal static class Example
{
    public static void Run(TensorDataset train, TensorDataset validation, CalibrationData samples, float[] pixels, float[] scores)
    {
        // example
    }
}
