using ModelGen.Compiler.FrontEnd;
using ModelGen.Compiler.Ir;
using ModelGen.Compiler.Modules;
using ModelGen.Compiler.Passes;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace ModelGen.Compiler.Tests.Ops;

/// <summary>Convolutions, pooling, padding, resampling, normalisation: generated code and exported models against TorchSharp's own layers and functions.</summary>
[Collection(SeededCollection.Name)]
public sealed class SpatialValueTests
{
    private static readonly Case[] Cases = [.. Convolutions(), .. Pools(), .. Norms(), .. Pads(), .. Resampling(), .. Others()];

    private static readonly Lazy<IReadOnlyList<Func<Tensor[], Tensor[]>>> Inference = new(static () => GeneratedCode.Compile([.. Cases.Select(static test => AllInputs(PassPipeline.Inference.Run(test.Graph)))]));

    private static readonly Lazy<IReadOnlyList<Func<Tensor[], Tensor[]>>> Training = new(static () => GeneratedCode.Compile([.. Cases.Select(static test => AllInputs(PassPipeline.Training.Run(test.Graph)))]));

    private static readonly Lazy<IReadOnlyList<Func<Tensor[], Onnx.OnnxModel>>> Exported = new(static () => GeneratedOnnx.Compile([.. Cases.Where(static test => test.IsExportable).Select(static test => PassPipeline.Inference.Run(test.Graph))]));

    private static readonly Lazy<IReadOnlyList<LoweredFunction?>> Lowered = new(static () => LoweredCode.Compile([.. Cases.Select(static test => PassPipeline.InferenceKernels.Run(AllInputs(PassPipeline.Inference.Run(test.Graph))))]));

    private static readonly Lazy<IReadOnlyList<LoweredFunction?>> LoweredGradients = new(static () => LoweredCode.Compile([.. Cases.Select(LowerGradient)]));

    public static TheoryData<int, string> Names() => TheoryRows.Of(Cases.Select(static test => test.Name));

    [Theory]
    [MemberData(nameof(Names))]
    public void Inference_EqualsTheLibrary(int index, string name)
    {
        Case test = Cases[index];
        using var noGrad = no_grad();
        Tensor[] inputs = test.Sample();
        Tensor expected = test.Eager(inputs, training: false);
        Close(expected, Inference.Value[index]([.. inputs, .. test.Weights()])[0], name);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Training_EqualsTheLibrary(int index, string name)
    {
        Case test = Cases[index];
        using var noGrad = no_grad();
        Tensor[] inputs = test.Sample();
        Tensor[] weights = [.. test.Weights().Select(static weight => weight.clone())];
        random.manual_seed(5);
        Tensor expected = test.Eager(inputs, training: true);
        random.manual_seed(5);
        Close(expected, Training.Value[index]([.. inputs, .. weights])[0], name);

        // The running statistics have moved as the layer's have.
        foreach ((Tensor moved, Tensor own) in weights.Zip(test.Weights()))
        {
            Close(own, moved, name);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Kernels_EqualTheLibrary(int index, string name)
    {
        if (Lowered.Value[index] is not { } lowered)
        {
            return;
        }

        Case test = Cases[index];
        using var noGrad = no_grad();
        Tensor[] inputs = test.Sample();
        Close(test.Eager(inputs, training: false), lowered.Run([.. inputs, .. test.Weights()])[0], name);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void KernelGradients_EqualTheLibrary(int index, string name)
    {
        if (LoweredGradients.Value[index] is not { } lowered)
        {
            return;
        }

        Case test = Cases[index];
        Tensor[] inputs = [.. test.Sample().Select(static input => input.requires_grad_())];
        Tensor[] weights = [.. test.Weights().Select(static weight => weight.detach().clone())];
        Tensor[] wanted = [.. inputs, .. test.Parameters()];
        foreach (Tensor parameter in test.Parameters())
        {
            parameter.grad?.zero_();
        }

        // The library does not differentiate by running statistics, which are inputs of this function.
        if (name.StartsWith("batch_norm (training=False", StringComparison.Ordinal))
        {
            return;
        }

        random.manual_seed(5);
        Tensor[]? expected = GradientGraph.Eager([test.Eager(inputs, training: true)], wanted);
        random.manual_seed(5);
        using var noGrad = no_grad();
        if (expected is not null)
        {
            Tensor[] actual = lowered.Run([.. inputs.Select(static input => input.detach()), .. weights]);
            for (int i = 0; i < expected.Length; i++)
            {
                Close(expected[i], actual[i], $"{name}, gradient {i}");
            }
        }
    }

    /// <summary>What has no kernel for some of its cases.</summary>
    private const string CallLibtorch = "AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AvgPool3d Conv3d ConvTranspose3d Fold LPPool1d LPPool2d LocalResponseNorm MaxPool3d Unfold adaptive_max_pool1d_with_indices affine_grid conv3d grid_sample max_pool2d_with_indices";

    /// <summary>As for gradients.</summary>
    private const string GradientsCallLibtorch = "AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AlphaDropout AvgPool3d Conv3d ConvTranspose3d Dropout1d Dropout2d Dropout3d FeatureAlphaDropout Fold InstanceNorm1d InstanceNorm2d InstanceNorm3d LPPool1d LPPool2d LocalResponseNorm MaxPool3d Unfold affine_grid conv3d grid_sample";

    /// <summary>The layers and functions that still run on libtorch's operators inside of code on kernels: a list to shorten.</summary>
    [Fact]
    public void OnlyThese_CallLibtorch()
    {
        static string List(IReadOnlyList<LoweredFunction?> functions) => string.Join(" ", functions.Index().Where(static pair => pair.Item is { LibraryCalls.Count: > 0 }).Select(static pair => Cases[pair.Index].Name.Split(' ')[0]).Distinct().Order(StringComparer.Ordinal));
        Assert.True(List(Lowered.Value) == CallLibtorch, List(Lowered.Value));
        Assert.True(List(LoweredGradients.Value) == GradientsCallLibtorch, List(LoweredGradients.Value));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Export_EqualsTheLibrary(int index, string name)
    {
        Case test = Cases[index];
        if (!test.IsExportable)
        {
            Assert.Contains(test.Name.Split(' ')[0], NotExportable);
            return;
        }

        using var noGrad = no_grad();
        Tensor[] inputs = test.Sample();
        Tensor expected = test.Eager(inputs, training: false);
        int position = Cases.Take(index).Count(static earlier => earlier.IsExportable);
        Close(expected, GeneratedOnnx.Run(Exported.Value[position](test.Weights()), inputs), name);
    }

    private static readonly string[] NotExportable = ["Identity", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout", "max_pool2d_with_indices", "adaptive_max_pool1d_with_indices"];

    [Fact]
    public void EveryLayer_HasItsTensors()
    {
        foreach (Case test in Cases.Where(static test => test.Module is not null))
        {
            ModuleTensor[] declared = [.. test.Declared];
            var own = test.Module!.state_dict();
            Assert.True(own.Keys.SequenceEqual(declared.Select(static tensor => tensor.Name)), $"{test.Name}: {string.Join(" ", own.Keys)}");
            Assert.All(declared, tensor => Assert.Equal(own[tensor.Name].shape, tensor.Type.Shape.Select(static dim => dim.Constant!.Value)));
        }
    }

    [Fact]
    public void EveryLayer_HasACase() =>
        Assert.Empty(SpatialModules.All.Select(static module => module.Name).Except(Cases.Select(static test => test.Name.Split(' ')[0])).Except(["FractionalMaxPool2d", "FractionalMaxPool3d", "MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d", "AdaptiveMaxPool3d"]));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void BatchNormWithoutWeight_FoldsIntoTheConvolution(bool bias)
    {
        var g = new GraphBuilder("fold");
        int Value(string name, ValueKind kind, params Dim[] shape) => g.AddValue(name, new TensorType(DType.Float32, shape), kind);
        int x = Value("x", ValueKind.Input, 2, 3, 5, 5);
        int weight = Value("weight", ValueKind.Parameter, 4, 3, 3, 3);
        int shift = bias ? Value("bias", ValueKind.Parameter, 4) : -1;
        (int mean, int variance) = (Value("mean", ValueKind.Buffer, 4), Value("variance", ValueKind.Buffer, 4));
        int y = g.Add("conv", [x, weight, shift], ("stride", new long[] { 1, 1 }), ("padding", new long[] { 0, 0 }), ("dilation", new long[] { 1, 1 }), ("groups", 1L));
        Graph graph = g.Build(g.Add("batch_norm", [y, -1, -1, mean, variance, -1], ("eps", 1e-5), ("momentum", 0.1)));
        Graph folded = PassPipeline.Inference.Run(graph);
        Assert.DoesNotContain(folded.Nodes, static node => node.Op == "batch_norm");
        var functions = GeneratedCode.Compile([AllInputs(graph), AllInputs(folded)]);
        Tensor[] values = [.. graph.ValuesOf(ValueKind.Input).Concat(graph.ValuesOf(ValueKind.Parameter)).Concat(graph.ValuesOf(ValueKind.Buffer)).Select(value => rand([.. graph.TypeOf(value).Shape.Select(static dim => dim.Constant!.Value)]) + 0.5)];
        Close(functions[0](values)[0], functions[1](values)[0], "folded");
    }

    [Fact]
    public void BatchNormWithoutWeight_HasTheLibrarysGradient()
    {
        var g = new GraphBuilder("plain");
        int[] values = [.. new Dim[][] { [3, 2, 4], [2], [2], [3, 2, 4] }.Select((shape, index) => g.AddValue("x" + index, new TensorType(DType.Float64, shape), ValueKind.Input))];
        int y = g.AddNode("batch_norm_train", new[] { values[0], -1, -1, values[1], values[2], -1 }, OpAttributes.Of(("eps", 1e-5), ("momentum", 0.1)))[0];
        int loss = g.Sum(g.Times(y, values[3]), [0, 1, 2], keep: false);
        GraphBuilder differentiated = Differentiate.Gradients(g.Build(loss), [values[0]], out Dictionary<int, int> gradients);
        Func<Tensor[], Tensor[]> function = GeneratedCode.Compile([differentiated.Build([gradients[values[0]]])])[0];
        Tensor[] inputs = [randn([3, 2, 4], ScalarType.Float64).requires_grad_(), zeros([2], ScalarType.Float64), ones([2], ScalarType.Float64), randn([3, 2, 4], ScalarType.Float64)];
        (F.batch_norm(inputs[0], null!, null!, training: true) * inputs[3]).sum().backward();
        Close(inputs[0].grad!, function(inputs)[0], "gradient");
    }

    [Theory]
    [InlineData("F.adaptive_max_pool3d", "one-dimensional kernel")]
    [InlineData("F.max_unpool2d", "not supported")]
    [InlineData("F.fractional_max_pool2d", "random")]
    [InlineData("F.interpolate", "either size or scale_factor")]
    [InlineData("F.batch_norm", "needs running_mean")]
    [InlineData("F.pixel_shuffle", "multiple of 4")]
    [InlineData("F.conv2d", "must have 4 dimensions")]
    [InlineData("F.avg_pool2d", "needs kernel_size")]
    public void UnsupportedUses_AreRefused(string key, string message)
    {
        var g = new GraphBuilder("refused");
        var x = new SymTensor(g.AddValue("x", new TensorType(DType.Float32, new Dim[] { 2, 3, 4, 5 }), ValueKind.Input));
        var weight = new SymTensor(g.AddValue("w", new TensorType(DType.Float32, new Dim[] { 2, 3, 4 }), ValueKind.Input));
        Assert.True(TensorFunctions.TryGet(key, out Func<CallArguments, object?> apply));
        var arguments = new Dictionary<string, object?> { ["input"] = x, ["weight"] = weight, ["upscale_factor"] = (Dim)2, ["training"] = key == "F.batch_norm" ? false : true };
        Assert.Contains(message, Assert.ThrowsAny<Exception>(() => apply(new CallArguments(g, arguments))).Message);
    }

    private static IEnumerable<Case> Convolutions()
    {
        yield return Layer("Conv1d", () => nn.Conv1d(4, 6, 3, stride: 2, padding: 1), [2, 4, 9], ("in_channels", 4), ("out_channels", 6), ("kernel_size", 3), ("stride", 2), ("padding", 1));
        yield return Layer("Conv1d alone", () => nn.Conv1d(4, 6, 3, Padding.Same, bias: false), [4, 9], ("in_channels", 4), ("out_channels", 6), ("kernel_size", 3), ("padding", Padding.Same), ("bias", false));
        yield return Layer("Conv2d", () => nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), (1, 2), groups: 2), [2, 4, 7, 8], ("in_channels", 4), ("out_channels", 6), ("kernel_size", (3, 2)), ("stride", (2, 1)), ("padding", (1, 0)), ("dilation", (1, 2)), ("groups", 2));
        yield return Layer("Conv2d same even", () => nn.Conv2d(4, 3, 4, Padding.Same), [2, 4, 7, 8], ("in_channels", 4), ("out_channels", 3), ("kernel_size", 4), ("padding", Padding.Same));
        yield return Layer("Conv2d valid", () => nn.Conv2d(4, 3, 4, Padding.Valid), [2, 4, 7, 8], ("in_channels", 4), ("out_channels", 3), ("kernel_size", 4), ("padding", Padding.Valid));
        foreach (PaddingModes mode in Enum.GetValues<PaddingModes>())
        {
            yield return Layer("Conv2d " + mode, () => nn.Conv2d(4, 3, (3, 5), padding: (1, 2), padding_mode: mode), [2, 4, 6, 7], ("in_channels", 4), ("out_channels", 3), ("kernel_size", (3, 5)), ("padding", (1, 2)), ("padding_mode", mode));
        }

        yield return Layer("Conv2d same reflect", () => nn.Conv2d(4, 3, 4, Padding.Same, padding_mode: PaddingModes.Reflect), [2, 4, 6, 7], ("in_channels", 4), ("out_channels", 3), ("kernel_size", 4), ("padding", Padding.Same), ("padding_mode", PaddingModes.Reflect));
        yield return Layer("Conv3d", () => nn.Conv3d(2, 4, (1, 3, 2), padding: (0, 1, 1)), [2, 2, 3, 5, 4], ("in_channels", 2), ("out_channels", 4), ("kernel_size", (1, 3, 2)), ("padding", (0, 1, 1)));
        yield return Layer("ConvTranspose1d", () => nn.ConvTranspose1d(4, 6, 3, stride: 2, padding: 1, output_padding: 1), [2, 4, 5], ("in_channels", 4), ("out_channels", 6), ("kernel_size", 3), ("stride", 2), ("padding", 1), ("output_padding", 1));
        yield return Layer("ConvTranspose2d", () => nn.ConvTranspose2d(4, 6, (3, 2), (2, 1), groups: 2), [2, 4, 5, 4], ("in_channels", 4), ("out_channels", 6), ("kernel_size", (3, 2)), ("stride", (2, 1)), ("groups", 2));
        yield return Layer("ConvTranspose2d alone", () => nn.ConvTranspose2d(4, 6, 3, dilation: 2), [4, 5, 4], ("in_channels", 4), ("out_channels", 6), ("kernel_size", 3), ("dilation", 2));
        yield return Layer("ConvTranspose3d", () => nn.ConvTranspose3d(2, 3, 2, stride: 2), [1, 2, 3, 2, 2], ("in_channels", 2), ("out_channels", 3), ("kernel_size", 2), ("stride", 2));
        yield return Function("F.conv2d", static x => F.conv2d(x[0], x[1], x[2], [1, 2], [1, 0]), [[2, 3, 6, 7], [4, 3, 3, 2], [4]], ["input", "weight", "bias"], ("strides", new long[] { 1, 2 }), ("padding", new long[] { 1, 0 }));
        yield return Function("F.conv3d", static x => F.conv3d(x[0], x[1]), [[2, 3, 4, 5, 3], [4, 3, 3, 2, 1]], ["input", "weight"]);
        yield return Function("F.conv_transpose2d", static x => F.conv_transpose2d(x[0], x[1], null, [2, 2], [1, 1], [1, 0]), [[2, 3, 4, 5], [3, 4, 3, 3]], ["input", "weight"], ("strides", new long[] { 2, 2 }), ("padding", new long[] { 1, 1 }), ("output_padding", new long[] { 1, 0 }));
    }

    private static IEnumerable<Case> Pools()
    {
        yield return Layer("MaxPool1d", () => nn.MaxPool1d(3, 2, 1, 1, true), [2, 3, 8], ("kernel_size", 3), ("stride", 2), ("padding", 1), ("dilation", 1), ("ceil_mode", true));
        yield return Layer("MaxPool2d", () => nn.MaxPool2d(2), [2, 3, 7, 6], ("kernel_size", 2));
        yield return Layer("MaxPool2d alone", () => nn.MaxPool2d((3, 2), (1, 2), (1, 0), (2, 1)), [3, 7, 6], ("kernel_size", (3, 2)), ("stride", (1, 2)), ("padding", (1, 0)), ("dilation", (2, 1)));
        yield return Layer("MaxPool3d", () => nn.MaxPool3d((3, 2, 2)), [2, 3, 6, 4, 5], ("kernel_size", (3, 2, 2)));
        yield return Layer("AvgPool1d", () => nn.AvgPool1d(3, 2, 1, false, false), [2, 3, 8], ("kernel_size", 3), ("stride", 2), ("padding", 1), ("count_include_pad", false));
        yield return Layer("AvgPool2d", () => nn.AvgPool2d((3, 2), (1, 2), (1, 0)), [2, 3, 7, 6], ("kernel_size", (3, 2)), ("stride", (1, 2)), ("padding", (1, 0)));
        yield return Layer("AvgPool2d ceil", () => nn.AvgPool2d(3, 2, 1, true, false), [2, 3, 8, 6], ("kernel_size", 3), ("stride", 2), ("padding", 1), ("ceil_mode", true), ("count_include_pad", false));
        yield return Layer("AvgPool2d divisor", () => nn.AvgPool2d(2, divisor_override: 3), [2, 3, 7, 6], ("kernel_size", 2), ("divisor_override", 3));
        yield return Layer("AvgPool3d", () => nn.AvgPool3d(2), [2, 3, 4, 5, 6], ("kernel_size", 2));
        yield return Layer("AdaptiveAvgPool1d", () => nn.AdaptiveAvgPool1d(3), [2, 3, 9], ("output_size", 3));
        yield return Layer("AdaptiveAvgPool2d", () => nn.AdaptiveAvgPool2d((2, 3)), [2, 3, 4, 9], ("output_size", (2, 3)));
        yield return Layer("AdaptiveAvgPool2d uneven", () => nn.AdaptiveAvgPool2d((3, 5)), [2, 3, 7, 8], ("output_size", (3, 5)));
        yield return Layer("AdaptiveAvgPool2d larger", () => nn.AdaptiveAvgPool2d(7), [2, 3, 1, 2], ("output_size", 7));
        yield return Layer("AdaptiveAvgPool1d uneven", () => nn.AdaptiveAvgPool1d(4), [2, 3, 9], ("output_size", 4));
        yield return Layer("AdaptiveAvgPool2d one", () => nn.AdaptiveAvgPool2d(1), [2, 3, 4, 9], ("output_size", 1));
        yield return Layer("AdaptiveAvgPool3d", () => nn.AdaptiveAvgPool3d(2), [2, 3, 4, 6, 2], ("output_size", 2));
        yield return Layer("AdaptiveMaxPool1d", () => nn.AdaptiveMaxPool1d(3), [2, 3, 9], ("output_size", 3));
        yield return Layer("AdaptiveMaxPool2d", () => nn.AdaptiveMaxPool2d([2, 3]), [2, 3, 4, 9], ("output_size", new long[] { 2, 3 }));
        yield return Layer("LPPool1d", () => nn.LPPool1d(2, 3, 2), [2, 3, 9], ("norm_type", 2.0), ("kernel_size", 3), ("stride", 2));
        yield return Layer("LPPool2d", () => nn.LPPool2d(2, [2, 3]), [2, 3, 9, 7], ("norm_type", 2.0), ("kernel_size", new long[] { 2, 3 }));
        yield return Function("F.max_pool2d", static x => F.max_pool2d(x[0], [2, 2], [1, 1]), [[2, 3, 5, 6]], ["input"], ("kernel_size", new long[] { 2, 2 }), ("strides", new long[] { 1, 1 }));
        yield return Function("F.max_pool2d_with_indices", static x => F.max_pool2d_with_indices(x[0], [2, 2]).Item2.to_type(ScalarType.Float32), [[2, 3, 5, 6]], ["input"], ("kernel_size", new long[] { 2, 2 }));
        yield return Function("F.adaptive_max_pool1d_with_indices", static x => F.adaptive_max_pool1d_with_indices(x[0], 2).Item2.to_type(ScalarType.Float32), [[3, 7]], ["input"], ("output_size", 2));
    }

    private static IEnumerable<Case> Norms()
    {
        foreach ((bool affine, bool track) in new[] { (true, true), (false, true), (true, false), (false, false) })
        {
            (string, object)[] settings = [("num_features", 4), ("momentum", 0.2), ("affine", affine), ("track_running_stats", track)];
            yield return Layer($"BatchNorm1d {affine} {track}", () => nn.BatchNorm1d(4, momentum: 0.2, affine: affine, track_running_stats: track), [5, 4], settings);
            yield return Layer($"BatchNorm2d {affine} {track}", () => nn.BatchNorm2d(4, momentum: 0.2, affine: affine, track_running_stats: track), [2, 4, 3, 5], settings);
            yield return Layer($"BatchNorm3d {affine} {track}", () => nn.BatchNorm3d(4, momentum: 0.2, affine: affine, track_running_stats: track), [2, 4, 3, 2, 2], settings);
            yield return Layer($"InstanceNorm1d {affine} {track}", () => nn.InstanceNorm1d(4, momentum: 0.2, affine: affine, track_running_stats: track), [3, 4, 6], settings);
            yield return Layer($"InstanceNorm2d {affine} {track}", () => nn.InstanceNorm2d(4, momentum: 0.2, affine: affine, track_running_stats: track), [2, 4, 3, 5], settings);
            yield return Layer($"InstanceNorm3d {affine} {track}", () => nn.InstanceNorm3d(4, momentum: 0.2, affine: affine, track_running_stats: track), [2, 4, 3, 2, 2], settings);
        }

        yield return Layer("InstanceNorm2d alone", () => nn.InstanceNorm2d(4), [4, 3, 5], ("num_features", 4));
        yield return Layer("LayerNorm", () => nn.LayerNorm(5, eps: 1e-3), [2, 3, 5], ("normalized_shape", 5), ("eps", 1e-3));
        yield return Layer("LayerNorm two", () => nn.LayerNorm([3, 5]), [2, 3, 5], ("normalized_shape", new long[] { 3, 5 }));
        yield return Layer("LayerNorm plain", () => nn.LayerNorm(5, elementwise_affine: false), [2, 3, 5], ("normalized_shape", 5), ("elementwise_affine", false));
        yield return Layer("LayerNorm no bias", () => nn.LayerNorm(5, bias: false), [2, 3, 5], ("normalized_shape", 5), ("bias", false));
        yield return Layer("GroupNorm", () => nn.GroupNorm(2, 6), [2, 6, 3, 4], ("num_groups", 2), ("num_channels", 6));
        yield return Layer("GroupNorm plain", () => nn.GroupNorm(3, 6, affine: false), [2, 6, 5], ("num_groups", 3), ("num_channels", 6), ("affine", false));
        yield return Layer("LocalResponseNorm", () => nn.LocalResponseNorm(3, 0.1, 0.5, 2), [2, 6, 4, 5], ("size", 3), ("alpha", 0.1), ("beta", 0.5), ("k", 2.0));
        yield return Layer("LocalResponseNorm 1d", () => nn.LocalResponseNorm(5), [2, 6, 4], ("size", 5));
        yield return Function("F.batch_norm", static x => F.batch_norm(x[0], x[1], x[2].abs(), x[3], x[4], false), [[2, 3, 4], [3], [3], [3], [3]], ["input", "running_mean", "running_var", "weight", "bias"], ("training", false));
        yield return Function("F.batch_norm", static x => F.batch_norm(x[0], null!, null!, x[1], x[2], true), [[2, 3, 4], [3], [3]], ["input", "weight", "bias"], ("training", true));
        yield return Function("F.layer_norm", static x => F.layer_norm(x[0], [3, 4]), [[2, 3, 4]], ["input"], ("normalized_shape", new long[] { 3, 4 }));
        yield return Function("F.instance_norm", static x => F.instance_norm(x[0], weight: x[1], bias: x[2]), [[2, 3, 4], [3], [3]], ["input", "weight", "bias"]);
        yield return Function("F.normalize", static x => F.normalize(x[0], 1, 2), [[2, 3, 4]], ["input"], ("p", 1.0), ("dim", 2));
        yield return Function("F.normalize", static x => F.normalize(x[0]), [[2, 3, 4]], ["input"]);
    }

    private static IEnumerable<Case> Pads()
    {
        yield return Layer("ConstantPad1d", () => nn.ConstantPad1d((1, 2), 3), [2, 3, 4], ("padding", (1, 2)), ("value", 3.0));
        yield return Layer("ConstantPad2d", () => nn.ConstantPad2d(1, -0.5), [2, 3, 4, 5], ("padding", 1), ("value", -0.5));
        yield return Layer("ConstantPad3d", () => nn.ConstantPad3d((1, 2, 0, 1, 1, 0), 3), [2, 3, 4, 2, 3], ("padding", (1, 2, 0, 1, 1, 0)), ("value", 3.0));
        yield return Layer("ZeroPad2d", () => nn.ZeroPad2d((1, 2, 0, -1)), [2, 3, 4, 5], ("padding", (1, 2, 0, -1)));
        yield return Layer("ReflectionPad1d", () => nn.ReflectionPad1d((1, 2)), [2, 3, 4], ("padding", (1, 2)));
        yield return Layer("ReflectionPad2d", () => nn.ReflectionPad2d((1, 2, 0, 1)), [2, 3, 4, 5], ("padding", (1, 2, 0, 1)));
        yield return Layer("ReflectionPad3d", () => nn.ReflectionPad3d(1), [2, 3, 4, 2, 3], ("padding", 1));
        yield return Layer("ReplicationPad1d", () => nn.ReplicationPad1d(2), [2, 3, 4], ("padding", 2));
        yield return Layer("ReplicationPad2d", () => nn.ReplicationPad2d((1, 2, 0, 1)), [3, 4, 5], ("padding", (1, 2, 0, 1)));
        yield return Layer("ReplicationPad3d", () => nn.ReplicationPad3d(1), [2, 3, 4, 2, 3], ("padding", 1));
        yield return Function("F.pad", static x => F.pad(x[0], [1, 2, 0, 1], PaddingModes.Circular), [[2, 3, 4, 5]], ["input"], ("pad", new long[] { 1, 2, 0, 1 }), ("mode", PaddingModes.Circular));
        yield return Function("F.pad", static x => F.pad(x[0], 1), [[2, 3, 4]], ["input"], ("pad", 1));
    }

    private static IEnumerable<Case> Resampling()
    {
        foreach (InterpolationMode mode in Enum.GetValues<InterpolationMode>())
        {
            long[] shape = mode switch { InterpolationMode.Linear => [2, 3, 5], InterpolationMode.Trilinear => [1, 2, 3, 4, 5], _ => [2, 3, 4, 6] };
    
            long[] size = mode == InterpolationMode.Area ? [.. shape.Skip(2).Select(static length => length / 2)] : [.. shape.Skip(2).Select(static length => (length * 2) - 1)];
            double[] scale = [.. shape.Skip(2).Select(_ => mode == InterpolationMode.Area ? 0.5 : 1.7)];
            double[] half = [.. shape.Skip(2).Select(_ => mode == InterpolationMode.Area ? 0.5 : 0.6)];
            yield return Function("F.interpolate", x => F.interpolate(x[0], size, mode: mode), [shape], ["x"], ("size", size), ("mode", mode));
            yield return Function("F.interpolate", x => F.interpolate(x[0], scale_factor: scale, mode: mode), [shape], ["x"], ("scale_factor", scale), ("mode", mode));
            yield return Function("F.interpolate", x => F.interpolate(x[0], scale_factor: half, mode: mode, recompute_scale_factor: true), [shape], ["x"], ("scale_factor", half), ("mode", mode), ("recompute_scale_factor", true));
            if (mode is InterpolationMode.Linear or InterpolationMode.Bilinear or InterpolationMode.Bicubic or InterpolationMode.Trilinear)
            {
                yield return Function("F.interpolate", x => F.interpolate(x[0], size, mode: mode, align_corners: true), [shape], ["x"], ("size", size), ("mode", mode), ("align_corners", true));
            }
        }

        yield return Layer("Upsample", () => nn.Upsample(scale_factor: [2, 2]), [2, 3, 4, 5], ("scale_factor", new[] { 2.0, 2.0 }), ("mode", UpsampleMode.Nearest));
        yield return Layer("Upsample bilinear", () => nn.Upsample(scale_factor: [2, 1.5], mode: UpsampleMode.Bilinear, align_corners: true), [2, 3, 4, 5], ("scale_factor", new[] { 2.0, 1.5 }), ("mode", UpsampleMode.Bilinear), ("align_corners", true));
        yield return Function("F.upsample_nearest2d", static x => F.upsample_nearest2d(x[0], [7, 9]), [[2, 3, 4, 5]], ["input"], ("outputSizes", new long[] { 7, 9 }));
        yield return Function("F.upsample_bilinear", static x => F.upsample_bilinear(x[0], scale_factor: [2, 2]), [[2, 3, 4, 5]], ["x"], ("scale_factor", new[] { 2.0, 2.0 }));
        yield return Layer("PixelShuffle", () => nn.PixelShuffle(2), [2, 8, 3, 4], ("upscale_factor", 2));
        yield return Layer("PixelUnshuffle", () => nn.PixelUnshuffle(2), [2, 3, 4, 6], ("downscale_factor", 2));
        yield return Layer("ChannelShuffle", () => nn.ChannelShuffle(3), [2, 6, 3, 4], ("groups", 3));
        yield return Function("F.grid_sample", static x => F.grid_sample(x[0], x[1], GridSampleMode.Bilinear, GridSamplePaddingMode.Border, true), [[2, 3, 4, 5], [2, 3, 6, 2]], ["input", "grid"], ("mode", GridSampleMode.Bilinear), ("padding_mode", GridSamplePaddingMode.Border), ("align_corners", true));
        yield return Function("F.grid_sample", static x => F.grid_sample(x[0], x[1], GridSampleMode.Nearest, GridSamplePaddingMode.Reflection, false), [[2, 3, 4, 5], [2, 3, 6, 2]], ["input", "grid"], ("mode", GridSampleMode.Nearest), ("padding_mode", GridSamplePaddingMode.Reflection), ("align_corners", false));
        yield return Function("F.affine_grid", static x => F.affine_grid(x[0], [2, 3, 4, 5], false), [[2, 2, 3]], ["theta"], ("size", new long[] { 2, 3, 4, 5 }), ("align_corners", false));
    }

    private static IEnumerable<Case> Others()
    {
        yield return Layer("Identity", () => nn.Identity(), [2, 3]);
        yield return Layer("Flatten", () => nn.Flatten(), [2, 3, 4]);
        yield return Layer("Unflatten", () => nn.Unflatten(1, [2, 3]), [2, 6, 4], ("dim", 1), ("unflattened_size", new long[] { 2, 3 }));
        yield return Layer("Dropout", () => nn.Dropout(0.3), [2, 3, 4], ("p", 0.3));
        yield return Layer("Dropout1d", () => nn.Dropout1d(0.3), [4, 9, 4], ("p", 0.3));
        yield return Layer("Dropout2d", () => nn.Dropout2d(0.3), [4, 9, 4, 2], ("p", 0.3));
        yield return Layer("Dropout3d", () => nn.Dropout3d(0.3), [4, 9, 4, 2, 2], ("p", 0.3));
        yield return Layer("AlphaDropout", () => nn.AlphaDropout(0.3), [4, 9], ("p", 0.3));
        yield return Layer("FeatureAlphaDropout", () => nn.FeatureAlphaDropout(0.3), [4, 9, 3], ("p", 0.3));
        yield return Layer("Unfold", () => nn.Unfold((2, 3), (1, 1), (0, 1), (1, 2)), [2, 3, 5, 6], ("kernel_size", (2, 3)), ("dilation", (1, 1)), ("padding", (0, 1)), ("stride", (1, 2)));
        yield return Layer("Fold", () => nn.Fold((5, 6), (2, 3), (1, 1), (0, 1), (1, 2)), [2, 18, 12], ("output_size", (5, 6)), ("kernel_size", (2, 3)), ("dilation", (1, 1)), ("padding", (0, 1)), ("stride", (1, 2)));
    }

    private static void Close(Tensor expected, Tensor actual, string name)
    {
        Assert.True(expected.shape.SequenceEqual(actual.shape), $"{name}: [{string.Join(", ", expected.shape)}] expected, got [{string.Join(", ", actual.shape)}]");
        if (expected.numel() > 0)
        {
            double error = (expected - actual).abs().max().to_type(ScalarType.Float64).ToDouble() / Math.Max(1, expected.abs().max().to_type(ScalarType.Float64).ToDouble());
            Assert.True(error < 1e-5, $"{name}: relative error {error:G3}\nexpected {Show(expected)}\nactual   {Show(actual)}");
        }
    }

    private static string Show(Tensor tensor) => string.Join(" ", tensor.to_type(ScalarType.Float32).contiguous().view(-1).data<float>().ToArray().Take(24).Select(static x => x.ToString("G4")));

    private static Graph LowerGradient(Case test)
    {
        Graph training = PassPipeline.Training.Run(test.Graph);
        int[] wanted = [.. training.ValuesOf(ValueKind.Input), .. training.ValuesOf(ValueKind.Parameter)];
        return PassPipeline.StepKernels.Run(AllInputs(PassPipeline.AfterAutodiff.Run(GradientGraph.Of(training, wanted, DType.Float32))));
    }

    private static Graph AllInputs(Graph graph) =>
        graph with { Values = graph.Values.Select(static value => value with { Kind = value.Kind == ValueKind.Intermediate ? ValueKind.Intermediate : ValueKind.Input }).ToEquatableArray() };

    private static Case Layer(string name, Func<nn.Module<Tensor, Tensor>> module, long[] shape, params (string, object)[] settings) => new(name, module(), null, [shape], ["input"], settings);

    private static Case Function(string key, Func<Tensor[], Tensor> function, long[][] shapes, string[] names, params (string, object)[] settings) => new(key, null, function, shapes, names, settings);

    /// <summary>A layer or function, its inputs, and its graph.</summary>
    private sealed class Case
    {
        private readonly string key;
        private readonly Func<Tensor[], Tensor>? function;
        private readonly long[][] shapes;

        public Case(string name, nn.Module<Tensor, Tensor>? module, Func<Tensor[], Tensor>? function, long[][] shapes, string[] names, (string Name, object Value)[] settings)
        {
            key = name.Split(' ')[0];
            Name = function is null ? name : $"{name[2..]} ({string.Join(", ", settings.Select(static setting => setting.Name + "=" + Text(setting.Value)))})";
            Module = module;
            this.function = function;
            this.shapes = shapes;
            var values = settings.ToDictionary(static setting => setting.Name, static setting => Symbolic(setting.Value));
            var g = new GraphBuilder(key);
            int[] inputs = [.. shapes.Select((shape, index) => g.AddValue("x" + index, new TensorType(DType.Float32, shape.Select(static size => (Dim)size).ToEquatableArray()), ValueKind.Input))];
            var arguments = names.Zip(inputs).ToDictionary(static pair => pair.First, static pair => (object?)new SymTensor(pair.Second));
            object? result;
            if (module is not null)
            {
                // Weights that tell one channel from another.
                foreach ((string _, Tensor tensor) in module.state_dict())
                {
                    using var noGrad = no_grad();
                    if (tensor.dtype == ScalarType.Float32)
                    {
                        tensor.copy_(rand(tensor.shape) + 0.5);
                    }
                }

                ModuleDefinition definition = ModuleRegistry.Find(key)!;
                var own = new SymModule(definition, new Arguments(values));
                Declared = [.. definition.Tensors(own.Settings)];
                foreach (ModuleTensor tensor in Declared)
                {
                    own.Tensors[tensor.Name] = new SymTensor(g.AddValue(tensor.Name, tensor.Type, tensor.Kind));
                }

                result = definition.Apply(new ModuleCall(g, own, new CallArguments(g, arguments), [.. arguments.Values]));
            }
            else
            {
                // A positive variance.
                if (arguments.TryGetValue("running_var", out object? variance))
                {
                    arguments["running_var"] = new SymTensor(g.Unary("abs", ((SymTensor)variance!).Id));
                }

                Assert.True(TensorFunctions.TryGet(key, out Func<CallArguments, object?> apply), key);
                result = apply(new CallArguments(g, arguments.Concat(values).ToDictionary()));
            }

            int output = result is SymList list ? g.Cast(((SymTensor)list.Items[1]!).Id, DType.Float32) : ((SymTensor)result!).Id;
            Graph = g.Build(output);
            GraphVerifier.Check(Graph, Name);
            IsExportable = GeneratedOnnx.CanExport(PassPipeline.Inference.Run(Graph));
        }

        public string Name { get; }

        public nn.Module<Tensor, Tensor>? Module { get; }

        public IReadOnlyList<ModuleTensor> Declared { get; } = [];

        public Graph Graph { get; }

        public bool IsExportable { get; }

        public Tensor[] Sample()
        {
            random.manual_seed(11);
            return [.. shapes.Select(static shape => randn(shape))];
        }

        public Tensor[] Weights() => [.. Declared.Select(tensor => Module!.state_dict()[tensor.Name])];

        /// <summary>The weights that have gradients.</summary>
        public Tensor[] Parameters() => [.. Declared.Where(static tensor => tensor.Kind == ValueKind.Parameter).Select(tensor => Module!.named_parameters().First(pair => pair.name == tensor.Name).parameter)];

        public Tensor Eager(Tensor[] inputs, bool training)
        {
            Module?.train(training);
            return function is not null ? function(inputs) : Module!.forward(inputs[0]);
        }

        private static object? Symbolic(object value) => value switch
        {
            int number => (Dim)number,
            long number => (Dim)number,
            double or bool => value,
            Enum member => new SymEnum(member.GetType().Name, member.ToString(), null),
            System.Collections.IEnumerable items => new SymList(items.Cast<object>().Select(Symbolic)),
            System.Runtime.CompilerServices.ITuple tuple => new SymList(Enumerable.Range(0, tuple.Length).Select(index => Symbolic(tuple[index]!))),
            _ => throw new InvalidOperationException($"{value}"),
        };

        private static string Text(object value) => value is System.Collections.IEnumerable items ? "[" + string.Join(", ", items.Cast<object>()) + "]" : value.ToString()!;
    }
}
