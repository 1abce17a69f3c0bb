[Model]
[Train(Loss.CrossEntropy, Optimizer.AdamW)]
[ExportOnnx(Batch = 1)]
public sealed partial class Net
{
    [Linear(10)] private partial Tensor Head(Tensor x);

    public Tensor Forward([Shape("N", 28)] Tensor x) => Head(x);
}

internal static class Example
{
    public static async Task Run(
        Net model, Trainer<Net> trainer, TrainingStep step, TensorDataset train, TensorDataset test, Tensor images, Tensor labels, float[] image, float[] scores, byte[] pixels, long[] classes, CancellationToken cancellation)
    {
        await Task.CompletedTask;
        // example
    }
}
