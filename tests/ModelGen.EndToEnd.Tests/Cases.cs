using ModelGen.EndToEnd.Tests.Models;
using ModelGen.Onnx;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace ModelGen.EndToEnd.Tests;

/// <summary>A model with random inputs and targets that fit it.</summary>
internal sealed record Case(Module Module, Func<Tensor[], Tensor> Eager, Func<OnnxExportOptions, OnnxModel> Export, Tensor[] Samples, Tensor Wanted) : IDisposable
{
    public ICompiledModel Compiled => (ICompiledModel)Module;

    public TrainAttribute Settings => Compiled.TrainSettings!;

    public OptimizerSettings Optimizer => OptimizerSettings.From(Settings);

    /// <summary>Sizes that the export needs.</summary>
    public OnnxExportOptions Sizes { get; init; } = new();

    public OnnxModel ToOnnx(Func<OnnxExportOptions, OnnxExportOptions>? change = null) => Export(change is null ? Sizes : change(Sizes));

    public Tensor[] Inputs() => Samples;

    public Tensor Target() => Wanted;

    public Tensor Loss(Tensor prediction, Tensor target) => Settings.Loss switch
    {
        ModelGen.Loss.CrossEntropy => functional.cross_entropy(prediction, target, label_smoothing: Settings.LabelSmoothing),
        ModelGen.Loss.MSE => functional.mse_loss(prediction, target),
        ModelGen.Loss.BCEWithLogits => functional.binary_cross_entropy_with_logits(prediction, target),
        ModelGen.Loss.L1 => functional.l1_loss(prediction, target),
        _ => functional.smooth_l1_loss(prediction, target, beta: Settings.SmoothL1Beta),
    };

    public optim.Optimizer TorchOptimizer()
    {
        OptimizerSettings s = Optimizer;
        return s.Kind switch
        {
            ModelGen.Optimizer.SGD => optim.SGD(Module.parameters(), s.LearningRate, s.Momentum, weight_decay: s.WeightDecay, nesterov: s.Nesterov),
            ModelGen.Optimizer.Adam => optim.Adam(Module.parameters(), s.LearningRate, s.Beta1, s.Beta2, s.Epsilon, s.WeightDecay),
            _ => optim.AdamW(Module.parameters(), s.LearningRate, s.Beta1, s.Beta2, s.Epsilon, s.WeightDecay),
        };
    }

    public void Dispose() => Module.Dispose();
}

/// <summary>The models under test.</summary>
internal static class Cases
{
    public static IReadOnlyDictionary<string, Func<int, Case>> All { get; } = new Dictionary<string, Func<int, Case>>
    {
        [nameof(SimpleCnn)] = n => Single(new SimpleCnn(), (m, o) => m.ToOnnx(o), randn(n, 1, 12, 12), Classes(10, n)),
        [nameof(NormalizedCnn)] = n => Single(new NormalizedCnn(), (m, o) => m.ToOnnx(o), randn(n, 3, 8, 8), Classes(5, n)),
        [nameof(ResidualNet)] = n => Single(new ResidualNet(), (m, o) => m.ToOnnx(o), randn(n, 2, 8, 8), Classes(4, n)),
        [nameof(PoolingNet)] = n => Single(new PoolingNet(), (m, o) => m.ToOnnx(o), randn(n, 2, 12, 16), randn(n, 3)),
        [nameof(SequenceNet)] = n => Single(new SequenceNet(), (m, o) => m.ToOnnx(o), randn(n, 4, 16), rand(n, 1)),
        [nameof(Mlp)] = n => Single(new Mlp(), (m, o) => m.ToOnnx(o), randn(n, 6), randn(n, 3)),
        [nameof(ElementwiseNet)] = n => Single(new ElementwiseNet(), (m, o) => m.ToOnnx(o), randn(n, 5), randn(n, 7)),
        [nameof(ReductionNet)] = n => Single(new ReductionNet(), (m, o) => m.ToOnnx(o), randn(n, 4, 5), randn(n, 8)),
        [nameof(ManyRows)] = n => Single(new ManyRows(), (m, o) => m.ToOnnx(o), randn(n, 20, 19), randn(n, 5)),
        [nameof(TextNet)] = n => Single(new TextNet(), (m, o) => m.ToOnnx(o), Tokens(20, n, 6), Classes(4, n)),
        [nameof(CausalNet)] = n => Single(new CausalNet(), (m, o) => m.ToOnnx(o), Tokens(12, n, 5), Tokens(12, n, 5)),
        [nameof(DropoutNet)] = n => Single(new DropoutNet(), (m, o) => m.ToOnnx(o), randn(n, 10), Classes(3, n)),
        [nameof(TwoInputs)] = n =>
        {
            random.manual_seed(1);
            var model = new TwoInputs();
            return new Case(model, inputs => model.forward(inputs[0], inputs[1]).Item1, model.ToOnnx, [randn(n, 3, 4), randn(n, 5, 6)], randn(n, 3, 2));
        },
        [nameof(TorchCnn)] = n => Single(new TorchCnn(), (m, o) => m.ToOnnx(o), randn(n, 1, 12, 12), Classes(10, n)),
        [nameof(TorchResidual)] = n => Single(new TorchResidual(TorchResidual.Small.Widths, TorchResidual.Small.Norm), (m, o) => m.ToOnnx(o), randn(n, 2, 8, 8), Classes(3, n)),
        [nameof(TorchGpt)] = n => Single(new TorchGpt(TorchGpt.Small), (m, o) => m.ToOnnx(o), Tokens(20, n, 7), randn(n, 7, 20)) with { Sizes = Length(7) },
        [nameof(TorchLlama)] = n => Single(new TorchLlama(), (m, o) => m.ToOnnx(o), randn(n, 6, 16), randn(n, 6, 16)) with { Sizes = Length(6) },
        [nameof(TorchNumbers)] = n => Single(new TorchNumbers(), (m, o) => m.ToOnnx(o), randn(n, 6), randn(n, 6)),
        [nameof(TorchArithmetic)] = n => Single(new TorchArithmetic(), (m, o) => m.ToOnnx(o), randn(n, 6), randn(n, 10)),
        [nameof(TorchLibrary)] = n => Single(new TorchLibrary(), (m, o) => m.ToOnnx(o), randn(n, 4), randn(n, 4)),
        [nameof(TorchMembers)] = n => Single(new TorchMembers(), (m, o) => m.ToOnnx(o), randn(n, 4), randn(n, 4)),
        [nameof(SemanticsMembers)] = n => Single(new SemanticsMembers(), (m, o) => m.ToOnnx(o), randn(n, 6), randn(n, 6)),
        [nameof(TorchValues)] = n => Single(new TorchValues(), (m, o) => m.ToOnnx(o), randn(n, 4), randn(n, 6)),
        [nameof(TorchSpectrum)] = n => Single(new TorchSpectrum(), (m, o) => m.ToOnnx(o), randn(n, 16), Classes(3, n)),
        [nameof(TorchHabits)] = n =>
        {
            var model = new TorchHabits();
            return new Case(model, inputs => model.forward(inputs[0], null), model.ToOnnx, [randn(n, 6)], randn(n, 4));
        },
        [nameof(TorchRecurrent)] = n =>
        {
            var model = new TorchRecurrent(3);
            return new Case(model, inputs => model.forward(inputs[0]).Item1, model.ToOnnx, [randn(n, 4, 3)], randn(n, 2)) { Sizes = Length(4) };
        },
        [nameof(TorchFirstToken)] = n =>
        {
            var model = new TorchFirstToken();
            return Single(model, static (model, options) => model.ToOnnx(options), randn(n, 3, 6), randn(n, 6)) with { Sizes = Length(3) };
        },
        [nameof(TorchSiamese)] = n =>
        {
            var model = new TorchSiamese();
            return new Case(model, inputs => model.forward(inputs[0], inputs[1]), model.ToOnnx, [randn(n, 2, 8, 8), randn(n, 2, 8, 8)], randn(n, 5));
        },
        [nameof(TorchDropoutBranches)] = n =>
        {
            var model = new TorchDropoutBranches();
            return new Case(model, inputs => model.forward(inputs[0], inputs[1]), model.ToOnnx, [randn(n, 6), randn(n, 6)], randn(n, 4));
        },
        [nameof(TorchTransformer)] = n =>
        {
            var model = new TorchTransformer();
            var sizes = new OnnxExportOptions { Sizes = new Dictionary<string, long> { ["T"] = 5, ["S"] = 4, ["N"] = n } };
            return new Case(model, inputs => model.forward(inputs[0], inputs[1]), model.ToOnnx, [randn(5, n, 16), randn(4, n, 16)], randn(4, n, 16)) { Sizes = sizes };
        },
    };

    private static OnnxExportOptions Length(long length) => new() { Sizes = new Dictionary<string, long> { ["T"] = length } };

    private static Case Single<T>(T model, Func<T, OnnxExportOptions, OnnxModel> toOnnx, Tensor input, Tensor target)
        where T : Module<Tensor, Tensor> => new(model, inputs => model.forward(inputs[0]), options => toOnnx(model, options), [input], target);

    private static Tensor Classes(int count, int n) => randint(0, count, [n], dtype: ScalarType.Int64);

    private static Tensor Tokens(int count, params long[] shape) => randint(0, count, shape, dtype: ScalarType.Int64);
}

/// <summary>Comparison of tensors.</summary>
internal static class Compare
{
    /// <summary>The largest difference, relative to the largest expected value (at least 1e-3).</summary>
    public static void Close(Tensor expected, Tensor actual, double tolerance, string what)
    {
        Assert.Equal(expected.shape, actual.shape);
        double scale = Math.Max(expected.to_type(ScalarType.Float64).abs().max().ToDouble(), 1e-3);
        double error = (expected.to_type(ScalarType.Float64) - actual.to_type(ScalarType.Float64)).abs().max().ToDouble() / scale;
        Assert.True(error <= tolerance, $"{what}: relative error {error:G3} is above {tolerance:G3}");
    }
}
