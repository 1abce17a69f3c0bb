using ModelGen.Benchmarks.Models;

namespace ModelGen.Benchmarks;

/// <summary>A model of the training benchmark.</summary>
/// <param name="Name">Name of the row.</param>
/// <param name="Create">Makes the model with random weights.</param>
/// <param name="Input">A batch.</param>
/// <param name="Targets">Its targets.</param>
/// <param name="Eager">Runs the user's forward.</param>
/// <param name="Summary">What the build knows of the model.</param>
/// <param name="Batch">Samples of a batch.</param>
internal sealed record TrainingCase(string Name, Func<Module> Create, Func<Tensor> Input, Func<Tensor> Targets, Func<Module, Tensor, Tensor> Eager, Func<ModelSummary> Summary, int Batch)
{
    public static IReadOnlyList<TrainingCase> All { get; } =
    [
        Of("MnistCnn", 64, static () => new MnistCnn(), static n => randn(n, 1, 28, 28), static n => Classes(n, 10), static () => MnistCnn.Summary),
        Of("MnistCnn", 64, static () => new MnistCnnBFloat16(), static n => randn(n, 1, 28, 28), static n => Classes(n, 10), static () => MnistCnnBFloat16.Summary),
        Of("Mlp", 128, static () => new Mlp(), static n => randn(n, 784), static n => Classes(n, 10), static () => Mlp.Summary),
        Of("Mlp", 128, static () => new MlpBFloat16(), static n => randn(n, 784), static n => Classes(n, 10), static () => MlpBFloat16.Summary),
        Of("Gpt", 16, static () => new Gpt(), static n => Tokens(n, 128, 96), static n => Classes(n * 128, 96), static () => Gpt.Summary),
        Of("Gpt", 16, static () => new GptBFloat16(), static n => Tokens(n, 128, 96), static n => Classes(n * 128, 96), static () => GptBFloat16.Summary),
        Of("GptDropout", 16, static () => new GptDropout(), static n => Tokens(n, 128, 96), static n => Classes(n * 128, 96), static () => GptDropout.Summary),
        Of("GptDropout", 16, static () => new GptDropoutBFloat16(), static n => Tokens(n, 128, 96), static n => Classes(n * 128, 96), static () => GptDropoutBFloat16.Summary),
        Of("ResNet18", 32, static () => new ResNet18(), static n => randn(n, 3, 32, 32), static n => Classes(n, 10), static () => ResNet18.Summary),
        Of("ResNet18", 32, static () => new ResNet18BFloat16(), static n => randn(n, 3, 32, 32), static n => Classes(n, 10), static () => ResNet18BFloat16.Summary),
        Of("MobileNetV2", 32, static () => new MobileNetV2(), static n => randn(n, 3, 32, 32), static n => Classes(n, 10), static () => MobileNetV2.Summary),
        Of("LstmClassifier", 32, static () => new LstmClassifier(), static n => Tokens(n, 64, 5000), static n => Classes(n, 5), static () => LstmClassifier.Summary),
        Of("BertSmall", 8, static () => new BertSmall(), static n => Tokens(n, 128, 30522), static n => Classes(n, 2), static () => BertSmall.Summary),
        Of("BertSmall", 8, static () => new BertSmallBFloat16(), static n => Tokens(n, 128, 30522), static n => Classes(n, 2), static () => BertSmallBFloat16.Summary),
        Of("UNet", 4, static () => new UNet(), static n => randn(n, 3, 64, 64), static n => randint(0, 2, [n, 64, 64], dtype: ScalarType.Int64), static () => UNet.Summary),
        Of("UNet", 4, static () => new UNetBFloat16(), static n => randn(n, 3, 64, 64), static n => randint(0, 2, [n, 64, 64], dtype: ScalarType.Int64), static () => UNetBFloat16.Summary),
    ];

    private static TrainingCase Of<T>(string name, int batch, Func<T> create, Func<long, Tensor> input, Func<long, Tensor> targets, Func<ModelSummary> summary)
        where T : Module<Tensor, Tensor>, ICompiledModel =>
        new(name, create, () => input(batch), () => targets(batch), static (model, x) => ((T)model).forward(x), summary, batch);

    private static Tensor Classes(long n, long classes) => randint(0, classes, [n], dtype: ScalarType.Int64);

    private static Tensor Tokens(long n, long length, long vocabulary) => randint(0, vocabulary, [n, length], dtype: ScalarType.Int64);
}
