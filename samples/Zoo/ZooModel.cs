using ModelGen.Onnx;

namespace ModelGen.Samples.Zoo;

/// <summary>A model of the zoo with inputs that fit it.</summary>
/// <param name="Name">Class name.</param>
/// <param name="File">Source file in Models/.</param>
/// <param name="Published">Number of parameters that was published; null where there is none.</param>
/// <param name="Create">Makes the model with random weights.</param>
/// <param name="Inputs">Random inputs for a batch size.</param>
/// <param name="Eager">Runs the user's forward.</param>
/// <param name="ToOnnx">Exports the graph for a batch size, with a change of the options.</param>
/// <param name="Summary">The generated summary.</param>
internal sealed record ZooModel(
    string Name,
    string File,
    long? Published,
    Func<Module> Create,
    Func<long, Tensor[]> Inputs,
    Func<Module, Tensor[], Tensor> Eager,
    Func<Module, long, Func<OnnxExportOptions, OnnxExportOptions>, OnnxModel> ToOnnx,
    Func<ModelSummary> Summary)
{
    /// <summary>Why rounding errors grow from step to step, so that each step is compared from equal weights; null where they do not.</summary>
    public string? Chaotic { get; init; }

    /// <summary>All models, small first.</summary>
    public static IReadOnlyList<ZooModel> All { get; } =
    [
        Of<Mlp>("Mlp", null, static () => new Mlp(), Features(784), static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n))), static () => Mlp.Summary),
        Of<LeNet5>("LeNet5", 61_706, static () => new LeNet5(), Image(1, 28), static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n))), static () => LeNet5.Summary),
        Of<AlexNet>("AlexNet", 61_100_840, static () => new AlexNet(), Image(3, 96), static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n))), static () => AlexNet.Summary),
        Of<Vgg11>("Vgg", 132_863_336, static () => new Vgg11(), Image(3, 64), static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n))), static () => Vgg11.Summary),
        Of<Vgg16>("Vgg", 138_357_544, static () => new Vgg16(), Image(3, 64), static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n))), static () => Vgg16.Summary),
        Of<Vgg11Bn>("Vgg", 132_868_840, static () => new Vgg11Bn(), Image(3, 64), static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n))), static () => Vgg11Bn.Summary) with { Chaotic = SmallBatch },
        Of<Vgg16Bn>("Vgg", 138_365_992, static () => new Vgg16Bn(), Image(3, 64), static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n))), static () => Vgg16Bn.Summary) with { Chaotic = SmallBatch },
        Of<ResNet18>("ResNet", 11_689_512, static () => new ResNet18(), Image(3, 64), static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n))), static () => ResNet18.Summary),
        Of<ResNet50>("ResNet", 25_557_032, static () => new ResNet50(), Image(3, 64), static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n))), static () => ResNet50.Summary) with { Chaotic = SmallBatch },
        Of<ResNeXt50>("ResNet", 25_028_904, static () => new ResNeXt50(), Image(3, 64), static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n))), static () => ResNeXt50.Summary) with { Chaotic = SmallBatch },
        Of<MobileNetV2>("MobileNetV2", 3_504_872, static () => new MobileNetV2(), Image(3, 64), static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n))), static () => MobileNetV2.Summary) with { Chaotic = SmallBatch },
        Of<MobileNetV3Small>("MobileNetV3", 2_542_856, static () => new MobileNetV3Small(), Image(3, 64), static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n))), static () => MobileNetV3Small.Summary),
        Of<MobileNetV3Large>("MobileNetV3", 5_483_032, static () => new MobileNetV3Large(), Image(3, 64), static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n))), static () => MobileNetV3Large.Summary) with { Chaotic = SmallBatch },
        Of<EfficientNetB0>("EfficientNetB0", 5_288_548, static () => new EfficientNetB0(), Image(3, 64), static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n))), static () => EfficientNetB0.Summary) with { Chaotic = SmallBatch },
        Of<GoogLeNet>("GoogLeNet", 6_624_904, static () => new GoogLeNet(), Image(3, 64), static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n))), static () => GoogLeNet.Summary) with { Chaotic = SmallBatch },
        Of<UNet>("UNet", null, static () => new UNet(1, 2, 16, 3), Image(1, 32), static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n))), static () => UNet.Summary),
        Of<TextCnn>("TextModels", null, static () => new TextCnn(), Tokens(5000, 40), static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n))), static () => TextCnn.Summary),
        Of<LstmClassifier>("TextModels", null, static () => new LstmClassifier(), Tokens(2000, 12), static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n, ("T", 12)))), static () => LstmClassifier.Summary),
        Of<GruClassifier>("TextModels", null, static () => new GruClassifier(), static n => [randn(n, 15, 6)], static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n, ("T", 15)))), static () => GruClassifier.Summary),
        Of<Seq2Seq>("TextModels", null, static () => new Seq2Seq(), static n => [.. Tokens(300, 9)(n), .. Tokens(300, 7)(n)], static (m, x) => m.forward(x[0], x[1]), static (m, n, with) => m.ToOnnx(with(Batch(n, ("S", 9), ("T", 7)))), static () => Seq2Seq.Summary),
        Of<Translator>("Translator", null, static () => new Translator(), static n => [randint(0, 400, [9, n], dtype: ScalarType.Int64), randint(0, 400, [7, n], dtype: ScalarType.Int64)], static (m, x) => m.forward(x[0], x[1]), static (m, n, with) => m.ToOnnx(with(Batch(9, ("S", 9), ("N", n), ("T", 7)))), static () => Translator.Summary),
        Of<Bert>("Bert", 109_482_240, static () => new Bert(Bert.Base), static n => [.. Tokens(30522, 16)(n), .. Tokens(2, 16)(n)], static (m, x) => m.forward(x[0], x[1]), static (m, n, with) => m.ToOnnx(with(Batch(n, ("T", 16)))), static () => Bert.Summary),
        Of<Gpt2>("Gpt2", 124_439_808, static () => new Gpt2(Gpt2.Small), Tokens(50257, 12), static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n, ("T", 12)))), static () => Gpt2.Summary),
        Of<VisionTransformer>("VisionTransformer", 86_567_656, static () => new VisionTransformer(), Image(3, 224), static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n))), static () => VisionTransformer.Summary),
        Of<Llama>("Llama", null, static () => new Llama(Llama.Tiny), Tokens(512, 20), static (m, x) => m.forward(x[0]), static (m, n, with) => m.ToOnnx(with(Batch(n, ("T", 20)))), static () => Llama.Summary),
    ];

    private const string SmallBatch = "batch normalisation over few values";

    private static ZooModel Of<T>(string file, long? published, Func<T> create, Func<long, Tensor[]> inputs, Func<T, Tensor[], Tensor> eager, Func<T, long, Func<OnnxExportOptions, OnnxExportOptions>, OnnxModel> toOnnx, Func<ModelSummary> summary)
        where T : Module, ICompiledModel =>
        new(typeof(T).Name, file + ".cs", published, create, inputs, (model, x) => eager((T)model, x), (model, batch, with) => toOnnx((T)model, batch, with), summary);

    private static Func<long, Tensor[]> Image(long channels, long size) => n => [randn(n, channels, size, size)];

    private static Func<long, Tensor[]> Features(long width) => n => [randn(n, width)];

    private static Func<long, Tensor[]> Tokens(long vocabulary, long length) => n => [randint(0, vocabulary, [n, length], dtype: ScalarType.Int64)];

    private static OnnxExportOptions Batch(long batch, params (string Name, long Size)[] sizes) =>
        new() { BatchSize = (int)batch, Sizes = sizes.ToDictionary(static size => size.Name, static size => size.Size) };
}
