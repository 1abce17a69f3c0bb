using ModelGen.Benchmarks.Models;
using ModelGen.Onnx;

namespace ModelGen.Benchmarks;

/// <summary>A model of the inference benchmark.</summary>
/// <param name="Name">Name of the row.</param>
/// <param name="Create">Makes the model with random weights.</param>
/// <param name="Input">A batch of a size.</param>
/// <param name="Eager">Runs the user's forward.</param>
/// <param name="Export">Writes the model for a batch size.</param>
/// <param name="Open">Opens an exported model and gives what runs it on an input, filling an output.</param>
/// <param name="FlopsPerSample">Of one sample.</param>
internal sealed record InferenceCase(
    string Name,
    Func<Module> Create,
    Func<long, Tensor> Input,
    Func<Module, Tensor, Tensor> Eager,
    Action<Module, string, int> Export,
    Func<string, Tensor, float[], (OnnxSession Session, Action Run)> Open,
    Func<long> FlopsPerSample)
{
    public static IReadOnlyList<InferenceCase> All { get; } =
    [
        new("ResNet18", static () => new ResNet18Photo(), static n => randn(n, 3, 224, 224), Forward<ResNet18Photo>, static (model, path, n) => ((ResNet18Photo)model).ExportOnnx(path, Batch(n)),
            static (path, x, y) => Bind(ResNet18Photo.OpenSession(path), x.data<float>().ToArray(), (session, values) => session.Run(values, y)), static () => ResNet18Photo.Summary.FlopsPerSample),
        new("MobileNetV2", static () => new MobileNetV2Photo(), static n => randn(n, 3, 224, 224), Forward<MobileNetV2Photo>, static (model, path, n) => ((MobileNetV2Photo)model).ExportOnnx(path, Batch(n)),
            static (path, x, y) => Bind(MobileNetV2Photo.OpenSession(path), x.data<float>().ToArray(), (session, values) => session.Run(values, y)), static () => MobileNetV2Photo.Summary.FlopsPerSample),
        new("MnistCnn", static () => new MnistCnn(), static n => randn(n, 1, 28, 28), Forward<MnistCnn>, static (model, path, n) => ((MnistCnn)model).ExportOnnx(path, Batch(n)),
            static (path, x, y) => Bind(MnistCnn.OpenSession(path), x.data<float>().ToArray(), (session, values) => session.Run(values, y)), static () => MnistCnn.Summary.FlopsPerSample),
        new("BertSmall", static () => new BertSmall(), static n => Tokens(n, 30522), Forward<BertSmall>, static (model, path, n) => ((BertSmall)model).ExportOnnx(path, Batch(n)),
            static (path, x, y) => Bind(BertSmall.OpenSession(path), x.data<long>().ToArray(), (session, values) => session.Run(values, y)), static () => BertSmall.Summary.FlopsPerSample),
        new("Gpt", static () => new Gpt(), static n => Tokens(n, 96), Forward<Gpt>, static (model, path, n) => ((Gpt)model).ExportOnnx(path, Batch(n)),
            static (path, x, y) => Bind(Gpt.OpenSession(path), x.data<long>().ToArray(), (session, values) => session.Run(values, y)), static () => Gpt.Summary.FlopsPerSample),
    ];

    private static Tensor Forward<T>(Module model, Tensor x)
        where T : Module<Tensor, Tensor> => ((T)model).forward(x);

    private static OnnxExportOptions Batch(int n) => new() { BatchSize = n };

    private static Tensor Tokens(long n, long vocabulary) => randint(0, vocabulary, [n, 128], dtype: ScalarType.Int64);

    private static (OnnxSession Session, Action Run) Bind<TSession, T>(TSession session, T[] values, Action<TSession, T[]> run)
        where TSession : OnnxSession => (session, () => run(session, values));
}
